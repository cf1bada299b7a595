"""`trunkline domain`: the names that can be dialled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from cyclopts import App, Parameter

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.commands.keys import end_of
from trunkline.cli.commands.names import tell_served
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, READING, WRITING, AclName, DomainLabel, Listing, Natural, PopName, Reading, Words, Writing
from trunkline.cli.output import errors, plain, show_list, show_one
from trunkline.cli.writing import finish
from trunkline.runtime.listings import each_of

domain = App(name="domain", help="Domains: the names that calls are sent to.")


@domain.command(name="list")
async def list_domains(*, options: Listing = LISTING) -> None:
    """Lists the tenant's domains."""
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        found = each_of(stub.ListDomains, provisioning.ListDomainsRequest(tenant=options.tenant), "domains")
        rows = [plain(row) async for row in found]
    show_list(
        options.output,
        rows,
        ["label", "hostname", "acls", "digest_algorithms", "allowed_prefixes", "nearest_pop", "version"],
        nothing="no domain yet",
    )


@domain.command
async def show(label: DomainLabel, *, options: Reading = READING) -> None:
    """Shows one domain, with every hostname that leads to it.

    Parameters
    ----------
    label: The domain's label.
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        found = plain((await stub.GetDomain(provisioning.GetDomainRequest(tenant=options.tenant, label=label))).domain)
    show_one(options.output, found, hidden=("warnings",))
    if not options.is_data:
        for warning in found["warnings"]:
            errors.print(f"warning: {warning}", style="yellow", markup=False)


@domain.command
async def create(label: str, *, options: Writing = WRITING) -> None:
    """Creates a domain; it admits nobody until an access control list is attached.

    Parameters
    ----------
    label: 1 to 63 of 0-9 a-z, unique over all tenants.
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        answer = await stub.CreateDomain(provisioning.CreateDomainRequest(write=options.options(), tenant=options.tenant, label=label))
        await finish(connected, options, f"created {answer.domain.hostname}", answer.receipt, answer.domain)
        await tell_served(connected, options, answer.receipt)


@domain.command
async def delete(label: DomainLabel, *, options: Writing = WRITING) -> None:
    """Deletes a domain that no access control list is attached to.

    Parameters
    ----------
    label: The domain's label.
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        answer = await stub.DeleteDomain(provisioning.DeleteDomainRequest(write=options.options(), tenant=options.tenant, label=label))
        await finish(connected, options, f"deleted {label}", answer.receipt)
        await tell_served(connected, options, answer.receipt)


@domain.command
async def attach(label: DomainLabel, acl: AclName, *, options: Writing = WRITING) -> None:
    """Attaches an access control list.

    Parameters
    ----------
    label: The domain's label.
    acl: The list's name.
    """
    request = provisioning.AttachAclRequest(write=options.options(), tenant=options.tenant, label=label, acl=acl)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).AttachAcl(request)
        await finish(connected, options, f"attached {acl} to {label}", answer.receipt, answer.domain)


@domain.command
async def detach(label: DomainLabel, acl: AclName, *, options: Writing = WRITING) -> None:
    """Detaches an access control list.

    Parameters
    ----------
    label: The domain's label.
    acl: The list's name.
    """
    request = provisioning.DetachAclRequest(write=options.options(), tenant=options.tenant, label=label, acl=acl)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).DetachAcl(request)
        await finish(connected, options, f"detached {acl} from {label}", answer.receipt, answer.domain)


@domain.command
async def digest(
    label: DomainLabel,
    *algorithms: Literal["MD5", "SHA-256", "SHA-512-256"],
    status: Literal[401, 407] = 407,
    qop_optional: Annotated[bool, Parameter(negative="")] = False,
    options: Writing = WRITING,
) -> None:
    """Sets which digest algorithms are offered, most preferred first. One alone is the safest for old clients.

    Parameters
    ----------
    label: The domain's label.
    algorithms: One or several.
    status: What a challenge is sent with.
    qop_optional: Admit old clients that send no qop; then a nonce is good for one Call-ID.
    """
    if not algorithms:
        raise CommandError("no algorithm is named", remedy="name one or several of MD5, SHA-256, SHA-512-256", code=Exit.USAGE)
    request = provisioning.SetDigestPolicyRequest(
        write=options.options(),
        tenant=options.tenant,
        label=label,
        algorithms=algorithms,
        challenge_status=status,
        is_qop_optional=qop_optional,
    )
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).SetDigestPolicy(request)
        await finish(connected, options, f"{label} offers {', '.join(algorithms)}", answer.receipt, answer.domain)


@domain.command
async def nearest(label: DomainLabel, pop: PopName = "", *, options: Writing = WRITING) -> None:
    """Sets which point of presence the domain's default name leads to first; the others follow, nearest to it first.

    Parameters
    ----------
    label: The domain's label.
    pop: Such as us1; left out: the home region's again.
    """
    request = provisioning.SetNearestPopRequest(write=options.options(), tenant=options.tenant, label=label, pop=pop)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).SetNearestPop(request)
        await finish(
            connected, options, f"{answer.domain.hostname} leads to {pop or 'the home region'} first", answer.receipt, answer.domain
        )
        await tell_served(connected, options, answer.receipt)


@domain.command
async def capture(label: DomainLabel, *, percent: Natural = 100, until: str = "1h", options: Writing = WRITING) -> None:
    """Captures the SIP messages of a domain's calls that go well, for a time. Those of refused and failed calls are captured without it
    and go first: as many a second as the edges' setting `capture_per_s` says (200), and beside them half as many of calls that go well,
    both shared by the tenants that have some; 0: none of either.

    Parameters
    ----------
    label: The domain's label.
    percent: Of so many calls in a hundred; 0: no more.
    until: For 30m, 12h or 7d, or until a time such as 2027-01-31T12:00+01:00; at most seven days.
    """
    request = provisioning.SetCaptureRequest(write=options.options(), tenant=options.tenant, label=label, percent=percent)
    if percent:
        request.until.CopyFrom(end_of(until, datetime.now(UTC), "--until"))
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).SetCapture(request)
        told = f"captures {percent} % of the calls of {label}" if percent else f"captures no calls of {label} that go well"
        await finish(connected, options, told, answer.receipt, answer.domain)


@domain.command
async def identity(
    label: DomainLabel,
    *,
    sources: Annotated[list[Literal["asked", "from", "account", "address", "username", "domain"]] | None, Words] = None,
    allow: Annotated[list[str] | None, Words] = None,
    default: str | None = None,
    refuse: bool | None = None,
    shows_callee: bool | None = None,
    hiding: Literal["default", "on"] | None = None,
    options: Writing = WRITING,
) -> None:
    """Sets which caller ids a domain's callers have, and what is hidden. What is left out stays as it was.

    Parameters
    ----------
    label: The domain's label.
    sources: Where a caller's number is looked for, in this order; the first that gives one decides.
    allow: Numbers that a caller may show beside its own: +31201234567, or +3120* for all that begin so. An empty word: none.
    default: The number of the source "domain"; empty: none.
    refuse: Refuse calls that ask for a number that is not allowed; else it is passed over and noted in the record.
    shows_callee: Show whom a trusted carrier asserts to be called (operators).
    hiding: Hide Via, Record-Route and Contact of one side from the other at every carrier.
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        policy = (await stub.GetDomain(provisioning.GetDomainRequest(tenant=options.tenant, label=label))).domain.identity
        if sources is not None:
            policy.sources[:] = sources
        if allow is not None:
            policy.allowed_caller_ids[:] = [number for number in allow if number]
        if default is not None:
            policy.default_caller_id = default
        if refuse is not None:
            policy.is_refusing = refuse
        if shows_callee is not None:
            policy.shows_callee = shows_callee
        if hiding is not None:
            policy.hiding = hiding
        request = provisioning.SetIdentityPolicyRequest(write=options.options(), tenant=options.tenant, label=label, policy=policy)
        answer = await stub.SetIdentityPolicy(request)
        await finish(connected, options, f"set the identity policy of {label}", answer.receipt, answer.domain)
