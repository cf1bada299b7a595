"""What every edge is asked, and not every edge can say: of calls in progress, each knows its own alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import grpc
import grpc.aio

Answer = TypeVar("Answer")

NOT_HEARD: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.FAILED_PRECONDITION})
"""Of an edge that is down, hangs, or takes no calls yet."""


def from_edges(answers: Sequence[Answer | grpc.aio.AioRpcError]) -> list[Answer | grpc.aio.AioRpcError]:
    """What each edge answered, errors among it. One that alone does not know the key is cut off, and has not been heard; where none knows
    it, the key is nobody's, and that is raised."""
    unknown = [each for each in answers if isinstance(each, grpc.aio.AioRpcError) and each.code() is grpc.StatusCode.UNAUTHENTICATED]
    if unknown and len(unknown) == len(answers):
        raise unknown[0]
    return [_cut_off() if each in unknown else each for each in answers]


def _cut_off() -> grpc.aio.AioRpcError:
    details = "it does not know this key, which others do: it is cut off from the log"
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)
