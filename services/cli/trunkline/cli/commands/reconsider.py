"""`trunkline explain --since`: which calls of a time would be decided otherwise now, or with changes that nobody has made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import Session, session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import Reading
from trunkline.cli.output import clock, console, plain, print_data
from trunkline.cli.times import before
from trunkline.runtime import reconsidering

LIMIT_S: Final = 60.0
"""Of the answer: ten thousand calls take a few seconds."""


def is_file(text: str) -> bool:
    """Of a value of `--with`: a tenant's file, not a change in words."""
    return " " not in text and Path(text).suffix in (".yaml", ".yml")


async def explain_calls(options: Reading, domain: str, since: str, until: str, most: int, assumed: Sequence[str]) -> None:
    """`assumed`: values of `--with`. Raises CommandError."""
    files, changes = [Path(text) for text in assumed if is_file(text)], [change_of(text) for text in assumed if not is_file(text)]
    if changes and not domain:
        remedy = "name it: trunkline explain acme --since 24h --with 'detach OFFICE'; or assume a tenant's file"
        raise CommandError("which domain is changed?", why="--with says a change of one", remedy=remedy, code=Exit.USAGE)
    request = provisioning.ExplainCallsRequest(tenant=options.tenant, domain=domain.partition(".")[0], most=most, domain_changes=changes)
    told: list[str] = []
    async with session(is_operator=options.as_operator) as connected:
        for file in files:
            # Loaded where it is needed: it brings much that others need not wait for.
            from trunkline.cli.commands.files import planned_file

            planned = await planned_file(connected, file, options)
            request.tenant = request.tenant or planned.owner
            request.changes.extend(planned.assumed)
            told += [f"{file}: {change.sign} {change.text}" for change in planned.changes]
        answer = await ask(connected, request, since=since, until=until)
    show(options, answer, told)


async def ask(
    connected: Session, request: provisioning.ExplainCallsRequest, *, since: str, until: str = ""
) -> provisioning.ExplainCallsResponse:
    """Raises CommandError for a time that is none."""
    now = datetime.now(UTC)
    for field, text in (("since", since), ("until", until)):
        moment = before(text, now, f"--{field}")
        if moment is not None:
            getattr(request, field).CopyFrom(moment)
    stub = await connected.provisioning()
    return await stub.ExplainCalls(request, timeout=LIMIT_S)


def show(options: Reading, answer: provisioning.ExplainCallsResponse, assumed: Sequence[str] = ()) -> None:
    """`assumed`: what was asked about besides, for people."""
    if options.is_data:
        print_data(options.output, plain(answer))
        return
    told = [*assumed, *answer.assumed]
    console.print(Text(reconsidering.headline(answer), style="bold"), soft_wrap=True)
    for text in told:
        console.print(f"  assumed: {text}", markup=False, soft_wrap=True)
    for group in answer.groups:
        style = "red" if group.new_outcome == "refuse" else "green" if group.new_outcome == "admit" else "yellow"
        was = reconsidering.outcome_text(group.old_outcome, group.old_reason)
        would_be = reconsidering.outcome_text(group.new_outcome, group.new_reason)
        line = f"{group.calls:6}  {was} → {would_be}"
        console.print(Text(line, style=style), soft_wrap=True)
        for example in group.examples:
            console.print(Text(f"          {_example(plain(example))}", style="dim"), soft_wrap=True)
    if answer.left_out:
        console.print(f"{answer.left_out} are left out: they were refused for what no set-up decides, or are not decided yet", markup=False)
    if answer.is_cut:
        text = f"there were more calls: the newest {answer.calls}, since {clock(plain(answer)['since'])}, were looked at (--most)"
        console.print(text, style="yellow", markup=False, soft_wrap=True)


def _example(row: dict[str, Any]) -> str:
    who = f" {row['account']}" if row["account"] else ""
    facts = f": {row['facts']}" if row["facts"] else ""
    return f"{clock(row['setup_time'])}  {row['call']}  {row['domain']} {row['number']} from {row['source']}{who}{facts}"


def change_of(text: str) -> provisioning.ExplainChange:
    """Raises CommandError."""
    try:
        return reconsidering.change_of(text)
    except ValueError as error:
        raise CommandError(f"--with {text!r} is no change", remedy=str(error), code=Exit.USAGE) from error
