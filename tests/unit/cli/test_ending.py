"""Every edge is asked about calls in progress; one that cannot say holds nobody up, and a key that none knows is nobody's."""

from __future__ import annotations

import grpc
import grpc.aio
import pytest

from trunkline.cli.commands.ending import ask_each


def error(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


async def asked(answers: dict[str, grpc.aio.AioRpcError | int]) -> list[int | str]:
    async def ask(edge: str) -> int:
        answer = answers[edge]
        if isinstance(answer, int):
            return answer
        raise answer

    return await ask_each(answers, ask)


UNKNOWN = error(grpc.StatusCode.UNAUTHENTICATED, "nobody has this key")
CUT_OFF = "it does not know this key, which others do: it is cut off from the log"
DOWN = error(grpc.StatusCode.UNAVAILABLE, "no connection")


async def test_an_edge_that_is_cut_off_and_does_not_know_a_new_key_is_one_that_was_not_heard() -> None:
    assert await asked({"eu1": 3, "us1": UNKNOWN, "apac1": DOWN}) == [3, CUT_OFF, "no connection"]
    assert await asked({"eu1": UNKNOWN, "us1": DOWN}) == [CUT_OFF, "no connection"]


async def test_a_key_that_no_edge_knows_is_refused_and_so_is_what_an_edge_refuses() -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="nobody has this key"):
        await asked({"eu1": UNKNOWN, "us1": UNKNOWN})
    with pytest.raises(grpc.aio.AioRpcError, match="not yours"):
        await asked({"eu1": 3, "us1": error(grpc.StatusCode.PERMISSION_DENIED, "not yours")})
