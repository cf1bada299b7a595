"""What customers are told of an error: what a server of ours said, and nothing of how the platform is wired."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest

from trunkline.runtime.errors import Problem, encode_status, problem_of, told_to_customers

WHERE = "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.1.0.7:7004: connection refused"


def error(code: grpc.StatusCode, details: str, problem: Problem | None = None) -> grpc.aio.AioRpcError:
    trailers = grpc.aio.Metadata(*(encode_status(problem).trailing_metadata if problem is not None else ()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details=details)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED])
def test_who_did_not_answer_and_where_is_not_told(code: grpc.StatusCode) -> None:
    told = told_to_customers(error(code, WHERE))
    assert (told.code, told.reason) == ("UNAVAILABLE", "SERVICE_UNAVAILABLE")
    behind = problem_of(error(code, WHERE))
    assert behind is not None
    for each in (told, behind):
        assert "10.1.0.7" not in str(each) and each.message


def test_what_a_server_of_ours_said_is_told_as_it_is() -> None:
    said = Problem("UNAVAILABLE", "LOG_UNAVAILABLE", "home is out of reach", remedy="try again")
    assert told_to_customers(error(grpc.StatusCode.UNAVAILABLE, said.message, said)) == said
