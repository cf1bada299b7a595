"""After a write: the receipt, and with --wait which point of presence enforced it when."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import Session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import Writing
from trunkline.cli.output import console, errors, milliseconds_between, plain, print_data
from trunkline.cli.waiting import ALL, POP, names_of

WAIT_LIMIT_S = 10


async def finish(session: Session, options: Writing, done: str, receipt: common_pb2.Receipt, result: Message | None = None) -> None:
    """Says what was `done` and where in the log it stands, and waits where that is wanted, telling of each point of presence as it comes.

    Raises CommandError where one did not follow.
    """
    is_table = not options.is_data
    if is_table:
        again = " (this request was made before: the first answer again)" if receipt.repeated else ""
        console.print(f"{done}; position {receipt.position}{again}", markup=False)
    applied = []
    if options.wait:
        async for answer in enforced(session, receipt, options.wait):
            applied.append(answer)
            if is_table:
                tell(answer)
    shown = plain(result) if result is not None else {}
    if is_table:
        for warning in shown.get("warnings", []):
            errors.print(f"warning: {warning}", style="yellow", markup=False)
    else:
        print_data(options.output, {"receipt": plain(receipt), "applied": applied, "result": shown})
    missing = [answer for answer in applied if not answer["is_applied"]]
    if missing and not (options.wait == POP and len(missing) < len(applied)):
        raise CommandError(
            f"position {receipt.position} stands in the log, but is not enforced everywhere",
            why="; ".join(f"{answer['pop']}: {answer['problem']}" for answer in missing),
            remedy="it will be when the point of presence follows again: see `trunkline pop list`",
            code=Exit.UNAVAILABLE,
        )


def tell(answer: Mapping[str, Any]) -> None:
    """One point of presence, one line."""
    if answer["is_applied"]:
        console.print(f"  enforced at {answer['pop']:6} after {answer['ms']:7.1f} ms", markup=False)
    else:
        console.print(f"  not at {answer['pop']}: {answer['problem']}", style="yellow", markup=False)


async def enforced(session: Session, receipt: common_pb2.Receipt, scope: str = ALL) -> AsyncIterator[dict[str, Any]]:
    """One answer a POP as they come; `ms` from the commit to its being enforced there, by clocks that may differ a little."""
    provisioning_stub = await session.provisioning()
    names = names_of(scope, session.around.home)
    request = provisioning.WaitAppliedRequest(position=receipt.position, timeout=Duration(seconds=WAIT_LIMIT_S), pops=names)
    async for answer in provisioning_stub.WaitApplied(request, timeout=WAIT_LIMIT_S + 5):
        took = milliseconds_between(receipt.time, answer.applied_time) if answer.is_applied else None
        yield {**plain(answer), "ms": took}
        if scope == POP and answer.is_applied:
            return


async def wait_applied(session: Session, receipt: common_pb2.Receipt) -> list[dict[str, Any]]:
    """Every POP's answer."""
    return [answer async for answer in enforced(session, receipt)]
