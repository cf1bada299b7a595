"""`trunkline call hang-up`: ends a call in progress, at whichever point of presence holds it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import grpc
import grpc.aio

from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.commands.records import call
from trunkline.cli.connection import Session, session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import READING, LiveCall, PopName, Reading
from trunkline.cli.output import console, plain, print_data
from trunkline.runtime.asking_edges import NOT_HEARD, from_edges
from trunkline.runtime.errors import decode_status

__all__ = ["call", "hang_up"]

_CALL = re.compile("[0-9a-f]{32}")
Answer = TypeVar("Answer")


async def ask_each(edges: Iterable[str], ask: Callable[[str], Awaitable[Answer]]) -> list[Answer | str]:
    """Of each edge its answer, or why there is none. Raises the error where no edge knows the key."""

    async def of(edge: str) -> Answer | grpc.aio.AioRpcError:
        try:
            return await ask(edge)
        except grpc.aio.AioRpcError as error:
            if error.code() in NOT_HEARD or error.code() is grpc.StatusCode.UNAUTHENTICATED:
                return error
            raise

    answers = from_edges(await asyncio.gather(*(of(edge) for edge in edges)))
    return [
        (decode_status(answer).message or "does not answer") if isinstance(answer, grpc.aio.AioRpcError) else answer for answer in answers
    ]


@call.command(name="hang-up")
async def hang_up(name: LiveCall, *, pop: PopName = "", options: Reading = READING) -> None:
    """Ends a call in progress: a BYE to both sides or, before the answer, CANCEL to the carrier and 480 to the caller.

    Parameters
    ----------
    name: The call's id as in `trunkline call live` or `trunkline call list`, or its SIP Call-ID.
    pop: Ask this point of presence only; all where it is left out.
    """
    async with session(is_operator=options.as_operator) as connected:
        edges = connected.around.edges(pop)
        found = await _id_of(connected, name, options.tenant)
        answers = await ask_each(edges, lambda each: _ask(connected, each, found, options.tenant))
    ended = [answer for answer in answers if isinstance(answer, edge_pb2.HangUpResponse)]
    away = [f"{each}: {answer}" for each, answer in zip(edges, answers, strict=True) if isinstance(answer, str)]
    if not ended:
        raise CommandError(
            f"no call {found} in progress" + ("" if not away else " at the points of presence that answered"),
            why="; ".join(away),
            remedy="see `trunkline call live`, and `trunkline call show` for one that has ended",
            code=Exit.UNAVAILABLE if away else Exit.NOT_FOUND,
        )
    if options.is_data:
        print_data(options.output, {"call": found, "ended_by": [plain(answer) for answer in ended], "away": away})
        return
    for answer in ended:
        console.print(f"hung up {found} at {answer.pop} ({answer.edge})", markup=False)


async def _id_of(connected: Session, name: str, tenant: str) -> str:
    """An id as it is; a SIP Call-ID's by its record."""
    if _CALL.fullmatch(name):
        return name
    stub = await connected.records()
    return str((await stub.GetRecord(records.GetRecordRequest(tenant=tenant, call=name))).record.call)


async def _ask(connected: Session, edge: str, found: str, tenant: str) -> edge_pb2.HangUpResponse | None:
    """What it did; None: it holds no such call."""
    stub = await connected.edge(edge)
    try:
        return await stub.HangUp(edge_pb2.HangUpRequest(call=found, tenant=tenant))
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        raise
