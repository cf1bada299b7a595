"""`trunkline explain`: what would become of a call, or why one that happened became what it did."""

from __future__ import annotations

from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.text import Text

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.commands import reconsider
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import READING, Amount, CallName, DomainLabel, PopName, Reading, Words
from trunkline.cli.output import clock, console, plain, show_list, show_one
from trunkline.cli.times import set_moment
from trunkline.runtime.grpc_client import EXPLAIN_LIMIT_S

_MARKS: Final = {"passed": ("✓", "green"), "refused": ("✗", "red"), "challenged": ("?", "yellow"), "noted": ("·", "dim")}


async def explain(
    domain: DomainLabel = "",
    *,
    source: Annotated[str, Parameter(name="--from")] = "",
    username: str = "",
    password_right: Annotated[bool, Parameter(negative="")] = False,
    number: str = "",
    call: CallName = "",
    at: str = "",
    now: Annotated[bool, Parameter(negative="")] = False,
    with_: Annotated[tuple[str, ...], Parameter(name="--with", negative="")] = (),
    from_uri: str = "",
    privacy: Annotated[tuple[str, ...], Words] = (),
    pai: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    pop: PopName = "",
    since: str = "",
    until: str = "",
    most: Amount = 1000,
    options: Reading = READING,
) -> None:
    """Says what would become of a call, step by step, and why: access, bans, class of service, route, identity, limits. With --call: why
    one that happened became what it did, computed again from the log as it was then. With --since: how many of the calls since then would
    be decided otherwise now, or with changes that nobody has made, by old and new reason. Nothing is placed, nothing is written.

    Parameters
    ----------
    domain: Label, or a full hostname.
    source: IP address that the call comes from.
    username: Account that signs; none where it is left out.
    password_right: Take its password as right; else as wrong.
    number: Number that is dialled.
    call: A call that happened: its id, its SIP Call-ID, or "last".
    at: As the log was at a position (18231) or at a time (2026-11-22T20:01:07, with or without zone).
    now: The call that happened, as it would be now.
    with_: As if a change had been made: "add-address ACL ADDRESS [CALLER-ID]", "remove-address ACL ADDRESS", "remove-account ACL USERNAME",
        "add-account ACL USERNAME [CALLER-ID]", "attach ACL", "detach ACL", "allow-prefix DIGITS", "allow-country NL" or "allow-premium";
        with --since also a tenant's file, such as acme.yaml. May be given again.
    from_uri: URI in From; the account's where it is left out.
    privacy: Values of Privacy, such as id.
    pai: A value of P-Asserted-Identity that the customer sends. May be given again.
    pop: Point of presence where the call arrives.
    since: The calls that happened from then on: 24h, 7d or 30m ago, or a time. With a domain, its calls alone.
    until: With --since: only before then, written so too.
    most: With --since: at most so many, the newest; up to 10,000.
    """
    if since:
        if any((source, username, password_right, number, call, at, now, from_uri, privacy, pai, pop)):
            remedy = "trunkline explain [DOMAIN] --since 24h [--until 1h] [--with acme.yaml]"
            raise CommandError("--since is about calls that happened, not about one", remedy=remedy, code=Exit.USAGE)
        await reconsider.explain_calls(options, domain, since, until, most, with_)
        return
    if any(map(reconsider.is_file, with_)):
        raise CommandError("a file is assumed with --since only", remedy="trunkline explain --since 24h --with acme.yaml", code=Exit.USAGE)
    if bool(call) == bool(domain):
        raise CommandError(
            "say which call",
            why="a domain and --from describe one by hand, --call names one that happened",
            remedy="trunkline explain acme --from 192.0.2.1 --number +31201234567, or trunkline explain --call last",
            code=Exit.USAGE,
        )
    if call and any((source, username, password_right, number, from_uri, privacy, pai, pop)):
        raise CommandError(
            "a call that happened is not described",
            why="its record says from where it came, as whom and to which number",
            remedy="leave that out, or describe a call: trunkline explain acme --from 192.0.2.1 --number +31201234567",
            code=Exit.USAGE,
        )
    request = provisioning.ExplainRequest(
        tenant=options.tenant,
        domain=domain,
        source=source,
        username=username,
        is_password_right=password_right,
        number=number,
        from_uri=from_uri,
        privacy=privacy,
        hints=pai,
        pop=pop,
        is_now=now,
        changes=[reconsider.change_of(text) for text in with_],
    )
    set_moment(request, at, "--at")
    async with session(is_operator=options.as_operator) as connected:
        if call:
            found = await (await connected.records()).GetRecord(records.GetRecordRequest(tenant=options.tenant, call=call))
            request.record.CopyFrom(found.record)
            request.tenant = request.tenant or found.record.tenant
        answer = plain(await (await connected.provisioning()).Explain(request, timeout=EXPLAIN_LIMIT_S))
    if options.is_data:
        show_one(options.output, answer)
        return
    _show(answer)


def _show(answer: dict[str, Any]) -> None:
    mark, style = {"admit": ("✓", "green"), "challenge": ("?", "yellow")}.get(answer["outcome"], ("✗", "red"))
    status = f"{answer['status']} " if answer["status"] else ""
    code = f"  [{answer['reason']}]" if answer["reason"] else ""
    console.print(Text(f"{mark} {answer['outcome']}  {status}{answer['text']}{code}", style=f"bold {style}"))
    when = f", stored {clock(answer['position_time'])}" if answer["position_time"] else " (now)"
    changed = "; something that concerns it has changed since" if answer["is_changed_since"] else ""
    console.print(f"  as of position {answer['position']}{when}{changed}", markup=False)
    for assumed in answer["assumed"]:
        console.print(f"  assumed: {assumed}", markup=False)
    console.print()
    for place, step in enumerate(answer["checks"], start=1):
        mark, style = _MARKS[step["outcome"]]
        notes = [word for word, is_so in (("as of now", step["is_now_only"]), ("not reached", step["is_beyond"])) if is_so]
        note = f" ({', '.join(notes)})" if notes else ""
        line = f"{place:3} {mark} {step['stage'].replace('_', ' '):<17} {step['text']}{note}"
        console.print(Text(line, style="dim" if step["is_beyond"] else style))
        for detail in step["details"]:
            console.print(Text(f"      {detail}", style="dim"))
    _show_route(answer)
    if answer["differences"]:
        console.print()
        console.print(Text("differs from what was recorded:", style="bold yellow"))
        show_list("table", answer["differences"], ["field", "recorded", "computed", "why"], nothing="")
    if answer["what_to_do"]:
        console.print()
        console.print(f"what to do: {answer['what_to_do']}", markup=False)


def _show_route(answer: dict[str, Any]) -> None:
    identity, route = answer["identity"], answer["route"]
    if identity:
        console.print()
        show_one("table", identity)
    if route and route["gateways"]:
        console.print()
        rows = [
            {
                **row,
                "order": row["place"] or None,
                "gateway": f"{row['carrier']}/{row['gateway']}",
                "rate": f"{row['rate_micros'] / 1e6:g} {row['currency']}",
                "number": row["request_user"],
                "identity": row["asserted"],
            }
            for row in route["gateways"]
        ]
        show_list("table", rows, ["order", "gateway", "address", "transport", "region", "rate", "number", "identity"], nothing="")
