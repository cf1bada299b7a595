"""Errors as REST shows them: `application/problem+json` of RFC 9457, with what the services say in errors of theirs and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from trunkline.runtime.errors import Problem

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "FAILED_PRECONDITION": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "CANCELLED": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""By the name of a gRPC status; every other one is a fault of ours, 500."""

_BY_REASON: Final[Mapping[str, int]] = {
    "VERSION_CHANGED": 412,
    "METHOD_NOT_ALLOWED": 405,
    "BODY_TOO_LARGE": 413,
    "CONTENT_TYPE_UNKNOWN": 415,
    "LENGTH_MISSING": 411,
}
RETRY_S: Final = 1
"""What a client is told where it is not known when it makes sense to ask again."""


class Refused(Exception):
    """A request that REST itself refuses. `retry_s`: after which it may come again; 0: not unchanged."""

    def __init__(self, problem: Problem, retry_s: float = 0.0, allow: str = "") -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.retry_s = retry_s
        self.allow = allow


def invalid(reason: str, field: str, message: str, remedy: str = "") -> Refused:
    return Refused(Problem("INVALID_ARGUMENT", reason, message, field, remedy))


def status_of(problem: Problem) -> int:
    return _BY_REASON.get(problem.reason) or STATUSES.get(problem.code, 500)


def problem_response(refused: Refused, *, instance: str, request_id: str) -> Response:
    """`instance` is the path that was asked for."""
    problem = refused.problem
    status = status_of(problem)
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="trunkline"'
    if status in (429, 503):
        headers["Retry-After"] = str(max(RETRY_S, int(refused.retry_s + 0.999)))
    if refused.allow:
        headers["Allow"] = refused.allow
    return Response(json.dumps(body_of(problem, instance, request_id)), status, headers, MEDIA_TYPE)


def body_of(problem: Problem, instance: str, request_id: str) -> dict[str, Any]:
    reason = problem.reason or problem.code
    return {
        "type": f"urn:trunkline:problem:{reason}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": status_of(problem),
        "detail": problem.message,
        "instance": instance,
        "code": problem.code,
        "reason": reason,
        "field": problem.field,
        "remedy": problem.remedy,
        "metadata": dict(problem.metadata),
        "request_id": request_id,
    }
