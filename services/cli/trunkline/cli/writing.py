"""After a write: the receipt, and with --wait which point of presence enforced it when."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import Session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import Writing
from trunkline.cli.output import console, errors, milliseconds_between, plain, print_json

WAIT_LIMIT_S = 10


async def finish(session: Session, options: Writing, done: str, receipt: common_pb2.Receipt, result: Message | None = None) -> None:
    """Says what was `done` and where in the log it stands, and waits where that is wanted.

    Raises CommandError where a point of presence did not follow.
    """
    applied = await wait_applied(session, receipt) if options.wait else []
    shown = plain(result) if result is not None else {}
    if options.output == "json":
        print_json({"receipt": plain(receipt), "applied": applied, "result": shown})
    else:
        again = " (this request was made before: the first answer again)" if receipt.repeated else ""
        console.print(f"{done}; position {receipt.position}{again}", markup=False)
        for answer in applied:
            if answer["is_applied"]:
                console.print(f"  enforced at {answer['pop']} ({answer['edge']}) after {answer['ms']:.1f} ms", markup=False)
        for warning in shown.get("warnings", []):
            errors.print(f"warning: {warning}", style="yellow", markup=False)
    missing = [answer for answer in applied if not answer["is_applied"]]
    if missing:
        raise CommandError(
            f"position {receipt.position} stands in the log, but is not enforced everywhere",
            why="; ".join(f"{answer['pop']}: {answer['problem']}" for answer in missing),
            remedy="it will be when the point of presence follows again: see `trunkline pop list`",
            code=Exit.UNAVAILABLE,
        )


async def wait_applied(session: Session, receipt: common_pb2.Receipt) -> list[dict[str, Any]]:
    """One answer a POP; `ms` from the commit to its being enforced there."""
    provisioning_stub = await session.provisioning()
    request = provisioning.WaitAppliedRequest(position=receipt.position, timeout=Duration(seconds=WAIT_LIMIT_S))
    answers = []
    async for answer in provisioning_stub.WaitApplied(request, timeout=WAIT_LIMIT_S + 5):
        took = milliseconds_between(receipt.time, answer.applied_time) if answer.is_applied else None
        answers.append({**plain(answer), "ms": took})
    return answers
