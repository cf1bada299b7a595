"""Errors between processes: exceptions ↔ `google.rpc.Status` with details.

ErrorInfo carries reason and metadata under the domain `trunkline`, BadRequest the field, Help what to do. The reason is for programs and
stays; texts may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]  # no stubs are published
from grpc_status import rpc_status

from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.eventlog.log import Conflict, LogUnavailable
from trunkline.runtime.authentication import Unauthenticated

ERROR_DOMAIN = "trunkline"

METADATA_VALUE_LIMIT = 1024
MESSAGE_LIMIT = 2000
DESCRIPTION_LIMIT = 200
"""Characters of one metadata value, of the message, and of the message where it is repeated beside its field. Trailers above some KiB are
refused as a whole, and then the caller would see nothing at all; our clients take 64 KiB, others 8."""

_CODES: Mapping[ErrorCode, int] = {
    ErrorCode.INVALID_ARGUMENT: code_pb2.INVALID_ARGUMENT,
    ErrorCode.NOT_FOUND: code_pb2.NOT_FOUND,
    ErrorCode.ALREADY_EXISTS: code_pb2.ALREADY_EXISTS,
    ErrorCode.FAILED_PRECONDITION: code_pb2.FAILED_PRECONDITION,
    ErrorCode.PERMISSION_DENIED: code_pb2.PERMISSION_DENIED,
    ErrorCode.CONFLICT: code_pb2.ABORTED,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, as a caller sees it. `code` is the name of a gRPC status (`NOT_FOUND`); the other texts may be empty."""

    code: str
    reason: str
    message: str
    field: str = ""
    remedy: str = ""
    metadata: Mapping[str, str] = dataclass_field(default_factory=dict)

    def __str__(self) -> str:
        where = f" (field {self.field})" if self.field else ""
        what_to_do = f". {self.remedy}" if self.remedy else ""
        return f"{self.reason or self.code}: {self.message}{where}{what_to_do}"


def problem_of(error: BaseException) -> Problem | None:
    """What a caller is told of an exception that is foreseen; None for one that is a bug."""
    match error:
        case Refusal():
            code = code_pb2.Code.Name(_CODES[error.code])
            return Problem(code, error.reason, error.message, error.field, error.remedy, error.metadata)
        case Unauthenticated():
            return Problem("UNAUTHENTICATED", error.reason, str(error))
        case Conflict():
            return Problem(
                "ABORTED", "CONFLICT", str(error) or "somebody else wrote at the same time", remedy="read it again and decide again"
            )
        case LogUnavailable():
            return Problem("UNAVAILABLE", "LOG_UNAVAILABLE", str(error), remedy="try again with the same request id")
        case grpc.aio.AioRpcError():
            return _of_service_behind(error)
        case TimeoutError():
            return Problem("DEADLINE_EXCEEDED", "TIMEOUT", str(error) or "it took too long", remedy="try again with the same request id")
        case _:
            return None


def _of_service_behind(error: grpc.aio.AioRpcError) -> Problem:
    """A service that we asked failed: its refusal is passed on as it is, its absence is ours to explain."""
    problem = decode_status(error)
    if problem.reason:
        return problem
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return Problem(
            "UNAVAILABLE", "SERVICE_UNAVAILABLE", "a service behind this one did not answer; its log says which", remedy="try again later"
        )
    return Problem("INTERNAL", "SERVICE_FAILED", "a service behind this one failed; its log has the details")


def encode_status(problem: Problem) -> grpc.Status:
    """For `context.abort_with_status`."""
    metadata = {key: _shortened(value) for key, value in problem.metadata.items()}
    details: list[any_pb2.Any] = []
    _pack(details, error_details_pb2.ErrorInfo(reason=problem.reason, domain=ERROR_DOMAIN, metadata=metadata))
    if problem.field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=problem.field, description=_shortened(problem.message, DESCRIPTION_LIMIT)
        )
        _pack(details, error_details_pb2.BadRequest(field_violations=[violation]))
    if problem.remedy:
        _pack(details, error_details_pb2.Help(links=[error_details_pb2.Help.Link(description=_shortened(problem.remedy))]))
    status = status_pb2.Status(code=code_pb2.Code.Value(problem.code), message=_shortened(problem.message, MESSAGE_LIMIT), details=details)
    return rpc_status.to_status(status)


def missing_method(error: grpc.RpcError, service: str, method: str) -> str:
    """For people, where the error says that the service has no such method: it is of an earlier version than who asks. Empty for any other
    error."""
    assert isinstance(error, grpc.Call | grpc.aio.AioRpcError)
    if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
        return ""
    return f"{service} is of an earlier version and has no {method}: update {service}"


def decode_status(error: grpc.RpcError) -> Problem:
    """What a server told us with an error; never fails: without details code and message remain."""
    assert isinstance(error, grpc.Call | grpc.aio.AioRpcError)
    code: grpc.StatusCode = error.code()
    message = error.details() or ""
    status = _status_in(error)
    if status is None:
        return Problem(code.name, "", message)
    info, bad, help_ = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.Help()
    for detail in status.details:
        for kind in (info, bad, help_):
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(kind)
    field = bad.field_violations[0].field if bad.field_violations else ""
    remedy = help_.links[0].description if help_.links else ""
    return Problem(code.name, info.reason, message, field, remedy, dict(info.metadata))


def told_to_customers(error: grpc.RpcError) -> Problem:
    """What a server of ours said. What the gRPC library says where none did names addresses inside of the platform."""
    problem = decode_status(error)
    if problem.reason or problem.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"):
        return problem
    remedy = "Try again in a moment; what was to be written, with the same request id."
    return Problem("UNAVAILABLE", "SERVICE_UNAVAILABLE", "A part of the platform did not answer.", remedy=remedy)


def _status_in(error: grpc.RpcError) -> status_pb2.Status | None:
    # rpc_status.from_call wants the trailers of a synchronous call; AioRpcError has the same ones under the same names
    trailers: Any = error.trailing_metadata() if isinstance(error, grpc.Call | grpc.aio.AioRpcError) else None
    for key, value in trailers or ():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    return None


def _pack(details: list[any_pb2.Any], message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.Help) -> None:
    packed = any_pb2.Any()
    packed.Pack(message)
    details.append(packed)


def _shortened(text: str, limit: int = METADATA_VALUE_LIMIT) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
