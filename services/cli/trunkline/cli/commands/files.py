"""`trunkline apply`, `diff`, `export`: a tenant as a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.text import Text

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.applying.asking import assumed, request_of
from trunkline.cli.applying.doing import Doer, password_of
from trunkline.cli.applying.exporting import document_of
from trunkline.cli.applying.knowing import known_tenant, past_tenant
from trunkline.cli.applying.model import Tenant
from trunkline.cli.applying.planning import ADDED, CHANGED, REMOVED, AddAccount, Change, Exempt, PlanProblem, left_alone, plan
from trunkline.cli.applying.reading import DocumentProblem, read_tenant
from trunkline.cli.commands import reconsider
from trunkline.cli.connection import Session, session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import READING, WRITING, Reading, Writing
from trunkline.cli.output import console, errors, print_data, yaml_of
from trunkline.cli.writing import finish

File = Annotated[Path, Parameter(name=["--file", "-f"])]
Prune = Annotated[bool, Parameter(negative="")]
STDIN: Final = Path("-")
_STYLES: Final = {ADDED: "green", CHANGED: "yellow", REMOVED: "red"}


async def apply(*, file: File, prune: Prune = False, options: Writing = WRITING) -> None:
    """Makes a tenant what a file says: ACLs with addresses and accounts, domains with their settings. What is so already is not written
    again, so it is safe to repeat. A password that is made up for a new account is shown once.

    Parameters
    ----------
    file: YAML, as `trunkline export` writes it; - reads standard input.
    prune: Take away what is there and not in the file.
    """
    wanted = _read(file)
    async with session(is_operator=options.as_operator) as connected:
        owner, changes, _ = await _planned(connected, wanted, options, is_pruning=prune)
        # What a new account needs is asked for before anything is written.
        for added in [action for change in changes for action in change.actions if isinstance(action, AddAccount)]:
            password_of(added.account.password_from)
        doer = Doer(await connected.provisioning(), owner, tell_password)
        receipt: common_pb2.Receipt | None = None
        for change in changes:
            for action in change.actions:
                receipt = await doer.do(action)
            if not options.is_data:
                show_change(change)
        if receipt is None:
            _say_nothing(options)
            return
        await finish(connected, options, f"{len(changes)} changes made", receipt)


async def diff(*, file: File, prune: Prune = False, since: str = "", options: Reading = READING) -> int:
    """Shows what `apply` would change, and changes nothing. Ends with 0 where all is so already, with 7 where something differs.

    Parameters
    ----------
    file: YAML, as `trunkline export` writes it; - reads standard input.
    prune: Show too what would be taken away.
    since: Say too how many of the calls since then (24h, 7d or 30m ago, or a time) would be decided otherwise; in the table only.
    """
    wanted = _read(file)
    async with session(is_operator=options.as_operator) as connected:
        owner, changes, alone = await _planned(connected, wanted, options, is_pruning=prune)
        reconsidered = await _reconsidered(connected, Planned(owner, changes), since) if since and changes else None
    if options.is_data:
        print_data(options.output, [{"name": change.text, "sign": change.sign} for change in changes])
        return Exit.DIFFERS if changes else Exit.OK
    for change in changes:
        show_change(change)
    if not changes:
        _say_nothing(options)
    if reconsidered is not None:
        reconsider.show(options, reconsidered)
    if alone and not prune:
        errors.print(f"{len(alone)} that the file does not name are left alone (--prune shows them)", style="dim", markup=False)
    return Exit.DIFFERS if changes else Exit.OK


async def export(*, at: str = "", options: Reading = READING) -> None:
    """Writes the tenant as a file that `apply` and `diff` read: ACLs with addresses and accounts (no password is known), domains and their
    settings. YAML, or JSON with -o json.

    Parameters
    ----------
    at: As it was at a position of the log (18231) or at a time (2026-11-22T20:01:07, with or without zone).
    """
    async with session(is_operator=options.as_operator) as connected:
        if at:
            stub = await connected.provisioning()
            known = (await past_tenant(stub, options.tenant, at, is_operator=options.as_operator, option="--at")).tenant
        else:
            known = await known_tenant(connected, options.tenant, is_operator=options.as_operator)
    document = document_of(known)
    if options.output == "json":
        print_data("json", document)
        return
    console.out(yaml_of(document), highlight=False)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a file would change; `owner` is empty for the key's own tenant."""

    owner: str
    changes: Sequence[Change]

    @property
    def assumed(self) -> list[provisioning.AssumedChange]:
        return [assumed(request_of(action, self.owner)) for change in self.changes for action in change.actions]


async def planned_file(connected: Session, file: Path, options: Reading) -> Planned:
    """Raises CommandError."""
    owner, changes, _ = await _planned(connected, _read(file), options, is_pruning=False)
    return Planned(owner, changes)


async def _reconsidered(connected: Session, planned: Planned, since: str) -> provisioning.ExplainCallsResponse:
    request = provisioning.ExplainCallsRequest(tenant=planned.owner, changes=planned.assumed)
    return await reconsider.ask(connected, request, since=since)


def _read(file: Path) -> Tenant:
    try:
        text = sys.stdin.read() if file == STDIN else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read", why=str(error), code=Exit.USAGE) from error
    try:
        return read_tenant(text, "standard input" if file == STDIN else str(file))
    except DocumentProblem as problem:
        raise CommandError(str(problem), remedy="docs/cli.md describes the file; nothing was changed", code=Exit.USAGE) from problem


async def _planned(
    connected: Session, wanted: Tenant, options: Reading, *, is_pruning: bool
) -> tuple[str, Sequence[Change], Sequence[str]]:
    """Whose it is (empty: the key's), what is to be done, and what is left alone. Raises CommandError."""
    owner = options.tenant or (wanted.id if options.as_operator else "")
    if options.tenant and wanted.id and options.tenant != wanted.id:
        raise CommandError(f"--tenant says {options.tenant}, the file says {wanted.id}", remedy="leave one of them out", code=Exit.USAGE)
    # A tenant's key knows whose it is: a file of another tenant is refused by the service.
    known = await known_tenant(connected, owner or wanted.id, is_operator=options.as_operator)
    if not options.as_operator and (wanted.class_of_service or wanted.limits):
        remedy = "leave class_of_service and limits of the whole tenant out of the file, or apply it --as-operator"
        raise CommandError("what bounds the whole tenant is the operator's to set", remedy=remedy, code=Exit.DENIED)
    try:
        changes = plan(wanted, known, is_pruning=is_pruning)
    except PlanProblem as problem:
        raise CommandError(str(problem), code=Exit.CONFLICT) from problem
    exempted = [action for change in changes for action in change.actions if isinstance(action, Exempt)]
    if exempted and not options.as_operator:
        first = exempted[0]
        raise CommandError(
            f"the address {first.cidr} in {first.acl} is to be exempt from bans, which is the operator's to say",
            why="an exemption ends with the address, and a changed address is another one",
            remedy="apply it --as-operator, or write ban_exempt: false at the address",
            code=Exit.DENIED,
        )
    return owner or wanted.id, changes, left_alone(wanted, known)


def show_change(change: Change) -> None:
    console.print(Text(f"{change.sign} {change.text}", style=_STYLES[change.sign]), soft_wrap=True)


def _say_nothing(options: Reading) -> None:
    if options.is_data:
        print_data(options.output, [])
    else:
        console.print("nothing to change: all is as the file says")


def tell_password(username: str, password: str) -> None:
    """Not on standard output, which may be a file."""
    errors.print(f"password of {username}: {password}   (shown this once; it is stored nowhere)", markup=False)
