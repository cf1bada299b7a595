"""`trunkline call`: one record, and the test caller."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.connection import Surroundings, session, surroundings
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import READING, CallName, PopName, Reading
from trunkline.cli.output import console, plain, print_json, show_list, show_one
from trunkline.cli.uac.call import Ending, Outcome
from trunkline.cli.uac.ladder import Ladder, verdict
from trunkline.cli.uac.messages import Order
from trunkline.cli.uac.shell import PlacedCall, place_call
from trunkline.cli.uac.wires import TlsOptions
from trunkline.lab.sip.flow import Flow, Transport
from trunkline.lab.sip.message import host_port_of

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}

call = App(name="call", help="Calls: records, calls in progress, a test caller.")


@call.command
async def show(name: CallName = "last", *, options: Reading = READING) -> None:
    """Shows one call detail record.

    Parameters
    ----------
    name: The call's id, its SIP Call-ID, or "last".
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.records()
        found = plain((await stub.GetRecord(records.GetRecordRequest(tenant=options.tenant, call=name))).record)
    show_record(options, found)


def show_record(options: Reading, found: dict[str, Any]) -> None:
    show_one(options.output, found, hidden=("attempts",))
    if not options.is_data and found["attempts"]:
        console.print()
        columns = ["number", "carrier", "gateway", "address", "result", "status", "elapsed_ms"]
        show_list(options.output, found["attempts"], columns, nothing="")


def seconds(text: str) -> float:
    """`500ms`, `2s`, `1.5`, `1m`, `1h`. Raises CommandError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise CommandError(f"{text!r} is no duration", remedy="write it as 500ms, 2s, 1m or 1h", code=Exit.USAGE)
    return float(found[1]) * _UNITS_S[found[2]]


@call.command
async def place(
    number: str,
    *,
    caller: Annotated[str, Parameter(name="--as")],
    pop: PopName = "",
    from_address: str = "",
    password: str = "",
    from_user: str = "",
    privacy: str = "",
    hold: str = "2s",
    cancel_after: str = "",
    transport: Transport = "udp",
    ipv6: Annotated[bool, Parameter(negative="")] = False,
    output: Annotated[Literal["table", "json"], Parameter(name=["--output", "-o"])] = "table",
) -> int:
    """Places a call as a customer's PBX would, and prints the ladder. Ctrl-C hangs up.

    The exit code says how it went: 0 answered (or cancelled as asked), 1 another refusal, 3 no such number, 5 not admitted, 6 no service.

    Parameters
    ----------
    number: What to dial: +31201234567.
    caller: DOMAIN/ACCOUNT, such as acme/31000000; the domain alone sends no credentials.
    pop: Point of presence; the first where it is left out.
    from_address: Own IP address.
    password: Of the account; also TRUNKLINE_PASSWORD, and the demonstration's is known.
    from_user: User part of From; the account where it is left out.
    privacy: Value of the Privacy header, such as id.
    hold: How long to hold the call, such as 500ms, 2s, 1m; "callee" leaves hanging up to the called side.
    cancel_after: Send CANCEL after this time while it rings.
    transport: By what; over TLS the certificate must be of the platform's authority and name the domain.
    ipv6: To the point of presence's address of IPv6.
    output: The ladder, or JSON.
    """
    around = surroundings()
    where = around.pop(pop)
    order = order_of(
        around,
        number,
        caller,
        password=password,
        from_user=from_user,
        privacy=privacy,
        hold_s=None if hold == "callee" else seconds(hold),
        cancel_after_s=seconds(cancel_after) if cancel_after else None,
    )
    hang_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, hang_up.set)
    name = pop or next(iter(around.local["pops"]))
    address = where.get(f"{transport}{'6' if ipv6 else ''}")
    if address is None:
        raise CommandError(
            f"{name} has no address for {transport}{' of IPv6' if ipv6 else ''}",
            why="this machine has no [::1], or the platform was started by an earlier version",
            remedy="leave out --ipv6, or start the platform again",
        )
    proxy = Flow(*host_port_of(address), transport)
    tls = TlsOptions(Path(around.local["sip_ca_file"]), order.host) if transport == "tls" else None
    placed = await place_and_print(order, proxy, name, from_address, output, hang_up, tls)
    return exit_of(placed.outcome, was_to_be_cancelled=bool(cancel_after))


def order_of(around: Surroundings, number: str, caller: str, *, password: str = "", **options: Any) -> Order:
    """Raises CommandError where the account's password is not known."""
    domain, _, account = caller.partition("/")
    for what, text in (("number", number), ("domain", domain), ("user part of From", options.get("from_user", "") or account)):
        if any(character.isspace() or not character.isprintable() or character in "<>@" for character in text):
            raise CommandError(
                f"{text!r} cannot stand in a SIP URI",
                why=f"the {what} has a character that ends it",
                remedy="name another user part with --from-user" if text == account else "",
                code=Exit.USAGE,
            )
    if not options.get("privacy", "").isprintable():
        raise CommandError(f"{options['privacy']!r} cannot stand in a header", remedy="write it as id, header or none", code=Exit.USAGE)
    host = domain if "." in domain else f"{domain}.{around.base_domain}"
    demo = around.local.get("demo", {})
    known = demo.get("password", "") if (demo.get("domain"), demo.get("account")) == (domain.partition(".")[0], account) else ""
    chosen = password or os.environ.get("TRUNKLINE_PASSWORD", "") or known
    if account and not chosen:
        raise CommandError(
            f"the password of {account} is not known",
            why="it is stored nowhere but with the customer",
            remedy="give it with --password or in TRUNKLINE_PASSWORD",
            code=Exit.USAGE,
        )
    return Order(number=number, host=host, username=account, password=chosen, **options)


async def place_and_print(
    order: Order,
    proxy: Flow,
    pop: str,
    from_address: str,
    output: Literal["table", "json"],
    hang_up: asyncio.Event | None = None,
    tls: TlsOptions | None = None,
) -> PlacedCall:
    ladder = Ladder(console, pop) if output == "table" else None
    try:
        placed = await place_call(
            order,
            proxy=proxy,
            from_address=from_address,
            tls=tls,
            hang_up=hang_up,
            on_step=ladder.add if ladder else lambda _: None,
        )
    except OSError as error:
        raise CommandError("the call could not be placed", why=str(error), remedy="choose another --from-address") from error
    if output == "json":
        outcome = placed.outcome
        print_json(
            {
                "sip_call_id": placed.call_id,
                "ending": outcome.ending.name.lower(),
                "status": outcome.status,
                "reason": outcome.reason,
                "note": outcome.note,
                "messages": [
                    {"ms": round((step.time_s - placed.steps[0].time_s) * 1000, 1), "sent": step.is_sent, "repeated": step.is_repeated}
                    | {"message": step.message.encode().decode("utf-8", "replace")}
                    for step in placed.steps
                ],
            }
        )
    else:
        console.print(verdict(placed.outcome), markup=False)
        # A challenge that is not answered leaves no record: it is counted with its source.
        if placed.steps and placed.outcome.ending is not Ending.NOT_AUTHENTICATED:
            console.print(f"record: trunkline call show {placed.call_id}", markup=False, style="dim")
    return placed


def exit_of(outcome: Outcome, *, was_to_be_cancelled: bool) -> Exit:
    match outcome.ending:
        case Ending.HUNG_UP | Ending.HUNG_UP_BY_CALLEE:
            return Exit.OK
        case Ending.CANCELLED:
            return Exit.OK if was_to_be_cancelled else Exit.ERROR
        case Ending.NOT_AUTHENTICATED:
            return Exit.DENIED
        case Ending.NO_ANSWER:
            return Exit.UNAVAILABLE
        case Ending.REFUSED:
            if outcome.status in (404, 410, 484):
                return Exit.NOT_FOUND
            if outcome.status in (401, 403, 407):
                return Exit.DENIED
            return Exit.UNAVAILABLE if 500 <= outcome.status < 600 else Exit.ERROR
