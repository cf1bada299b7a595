"""`trunkline call messages`: what was really said in a call, as an edge captured it and masked it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.commands.running import call
from trunkline.cli.connection import session
from trunkline.cli.options import READING, CallName, Reading
from trunkline.cli.output import clock, console, errors, plain, print_data

__all__ = ["call", "messages"]


@call.command
async def messages(name: CallName = "last", *, options: Reading = READING) -> None:
    """Shows the SIP messages of a call that an edge captured, by time, with secrets masked. They are of refused and failed calls, and of
    others where their domain says so (`trunkline domain capture`); under load some are missing, and after some days all are.

    Parameters
    ----------
    name: The call's id, its SIP Call-ID, or "last".
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.records()
        answer = await stub.ListMessages(records.ListMessagesRequest(tenant=options.tenant, call=name))
    rows = [plain(message) for message in answer.messages]
    if options.is_data:
        print_data(options.output, rows)
        return
    if not rows:
        errors.print(f"no messages of {answer.call} were captured, or they were deleted since", markup=False)
    for row in rows:
        console.print(Text(_headline(row), style="bold"), soft_wrap=True)
        console.print(Text("\n".join(row["text"].splitlines())), soft_wrap=True)
        if row["cut_bytes"]:
            console.print(Text(f"({row['cut_bytes']} bytes left out)", style="dim"))
        console.print()


def _headline(row: Mapping[str, Any]) -> str:
    """`2026-11-28 20:01:07.123 received 192.0.2.1:5060 → edge-eu1 (customer, udp)`."""
    source, destination = (row[end] or row["edge"] for end in ("source", "destination"))
    millisecond = row["time"][-5:-1]
    return f"{clock(row['time'])}{millisecond} {row['direction']} {source} → {destination} ({row['side']}, {row['transport']})"
