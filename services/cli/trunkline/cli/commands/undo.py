"""`trunkline undo`: a tenant's set-up again as it was at a position of the log, by writes as any others."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from trunkline.api.common.v1 import common_pb2
from trunkline.cli.applying.doing import Doer
from trunkline.cli.applying.knowing import past_tenant
from trunkline.cli.applying.model import Account, Acl, Address, Domain, Tenant
from trunkline.cli.applying.planning import plan
from trunkline.cli.commands.files import show_change, tell_password
from trunkline.cli.confirming import agree
from trunkline.cli.connection import session
from trunkline.cli.options import WRITING, Writing
from trunkline.cli.output import clock, console, errors, print_data
from trunkline.cli.writing import finish


async def undo(*, to: str, yes: Annotated[bool, Parameter(negative="")] = False, options: Writing = WRITING) -> None:
    """Makes a tenant's access control lists and domains again what they were at a position of the log: shows what would change, asks, and
    writes it as any other change, so that it can be undone too. What has been made since is taken away. Passwords, API keys and suspension
    stay as they are; an account that was removed since gets a new password, shown once. The bounds of the whole tenant are operators'.

    Parameters
    ----------
    to: A position (18231), as `trunkline history list` names it, or a time (2026-11-22T20:01:07, with or without zone).
    yes: Do not ask.
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        past = await past_tenant(stub, options.tenant, to, is_operator=options.as_operator, option="--to")
        known = (await past_tenant(stub, options.tenant, "", is_operator=options.as_operator, option="--to")).tenant
        wanted, left = possible(past.tenant, known, is_operator=options.as_operator)
        for text in left:
            errors.print(f"left as it is: {text}", style="yellow", markup=False, soft_wrap=True)
        changes = plan(wanted, known, is_pruning=True)
        if not changes:
            if options.is_data:
                print_data(options.output, [])
            else:
                console.print(f"nothing to change: all is as at position {past.position}", markup=False)
            return
        if not options.is_data:
            console.print(f"as at position {past.position}, stored {clock(past.time.isoformat())}:", markup=False)
            for change in changes:
                show_change(change)
        agree(f"Make {len(changes)} changes?", is_given=yes)
        doer = Doer(stub, options.tenant, tell_password)
        receipt: common_pb2.Receipt | None = None
        for change in changes:
            for action in change.actions:
                receipt = await doer.do(action)
        assert receipt is not None
        await finish(connected, options, f"{len(changes)} changes made: as at position {past.position}", receipt)


def possible(past: Tenant, known: Tenant, *, is_operator: bool) -> tuple[Tenant, tuple[str, ...]]:
    """The past, but for what nobody here can bring back; and what that is, for people."""
    left: list[str] = []
    acls = {name: _acl(acl, known.acls.get(name), left, is_operator) for name, acl in past.acls.items()}
    domains = {label: _domain(domain, known.domains.get(label), left, is_operator) for label, domain in past.domains.items()}
    bounds = (past.class_of_service, past.limits) if is_operator else (None, None)
    return Tenant(known.id, acls, domains, *bounds), tuple(left)


def _acl(past: Acl, known: Acl | None, left: list[str], is_operator: bool) -> Acl:
    accounts = {name: _account(account, past.name, known, left) for name, account in past.accounts.items()}
    addresses = {cidr: _address(address, past.name, known, left, is_operator) for cidr, address in past.addresses.items()}
    return Acl(past.name, addresses, accounts)


def _account(past: Account, acl: str, known: Acl | None, left: list[str]) -> Account:
    there = None if known is None else known.accounts.get(past.username)
    if there is None or there.caller_id == past.caller_id:
        return past
    left.append(f"the caller id of account {past.username} in {acl}: it takes a new account, and its password is known to nobody")
    return there


def _address(past: Address, acl: str, known: Acl | None, left: list[str], is_operator: bool) -> Address:
    there = None if known is None else known.addresses.get(past.cidr)
    if is_operator or not past.is_ban_exempt or (there is not None and there == past):
        return past
    if there is not None and there.is_ban_exempt:
        left.append(f"address {past.cidr} in {acl}: an operator exempted it from bans, and would have to again")
        return there
    left.append(f"the exemption of {past.cidr} in {acl} from bans: an operator's to give")
    return replace(past, is_ban_exempt=False)


def _domain(past: Domain, known: Domain | None, left: list[str], is_operator: bool) -> Domain:
    if is_operator or past.identity is None:
        return past
    shows = known is not None and known.identity is not None and known.identity.shows_callee
    if past.identity.shows_callee == shows:
        return past
    left.append(f"whether the callee is shown to {past.label}: an operator's to say")
    return replace(past, identity=replace(past.identity, shows_callee=shows))
