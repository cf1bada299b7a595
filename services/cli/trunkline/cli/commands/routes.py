"""`trunkline carrier` and `trunkline route`: where calls go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import zip_longest
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from trunkline.api.events.v1 import config_pb2
from trunkline.api.routing.v1 import routing_pb2 as routing
from trunkline.cli.commands.gateways import gateway
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.listing import say_more
from trunkline.cli.options import (
    LISTING,
    READING,
    WRITING,
    Amount,
    CarrierName,
    DomainLabel,
    Listing,
    Natural,
    Reading,
    RegionName,
    Writing,
)
from trunkline.cli.output import console, plain, show_list, show_one
from trunkline.cli.writing import finish
from trunkline.domain.reasons import REGISTRY
from trunkline.lab.sip.message import bracketed
from trunkline.runtime.listings import LARGEST_PAGE

NumberFormat = Literal["plus", "digits", "prefixed", "national"]
PaiForms = Literal["both", "sip", "tel"]
FromForm = Literal["kept", "asserted"]
Hiding = Literal["default", "on", "off"]

carrier = App(name="carrier", help="Carriers and their gateways (operators write).")
carrier.command(gateway)
route = App(name="route", help="Route decks, and where a number would go.")


@carrier.command(name="list")
async def list_carriers(*, options: Listing = LISTING) -> None:
    """Lists carriers with their gateways, and which of those are passed over."""
    async with session(is_operator=True) as connected:
        stub = await connected.routing()
        answer = await stub.ListCarriers(routing.ListCarriersRequest())
        sights = (await stub.ListGatewayHealth(routing.ListGatewayHealthRequest())).sights
    rows = [plain(row) for row in answer.carriers]
    if options.is_data:
        show_list(options.output, rows, ["name"], nothing="")
        return
    passed: dict[str, list[str]] = {}
    for (owner, name), word in passed_over(sights).items():
        passed.setdefault(owner, []).append(f"{name} {word}")
    short = [
        {
            **row["settings"],
            "name": row["name"],
            "trusted": row["settings"]["is_trusted"],
            "pdd_limit_s": row["settings"]["pdd_limit_s"],
            "gateways": [f"{entry['name']} {bracketed(entry['host'])}:{entry['port']}/{entry['transport']}" for entry in row["gateways"]],
            "passed_over": passed.get(row["name"], []),
            "suspended": row["is_suspended"],
            "version": row["version"],
        }
        for row in rows
    ]
    columns = ["name", "trusted", "suspended", "pdd_limit_s", "gateways", "passed_over", "version"]
    show_list(options.output, short, columns, nothing="no carrier yet")


@carrier.command(name="show")
async def show_carrier(name: CarrierName, *, options: Listing = LISTING) -> None:
    """Shows a carrier: its settings, its gateways, and how each edge has it with them.

    Parameters
    ----------
    name: The carrier.
    """
    async with session(is_operator=True) as connected:
        stub = await connected.routing()
        known = (await stub.ListCarriers(routing.ListCarriersRequest())).carriers
        found = next((each for each in known if each.name == name), None)
        if found is None:
            raise CommandError(f"there is no carrier {name}", remedy="trunkline carrier list", code=Exit.NOT_FOUND)
        sights = (await stub.ListGatewayHealth(routing.ListGatewayHealthRequest(carrier=name))).sights
    shown, rows = plain(found), [plain(sight) for sight in sights]
    if options.is_data:
        show_one(options.output, {**shown, "health": rows})
        return
    show_one(options.output, shown, hidden=("gateways",))
    console.print()
    columns = ["name", "host", "port", "transport", "region", "priority", "weight", "takes_no_options"]
    show_list(options.output, shown["gateways"], columns, nothing="no gateway")
    console.print()
    columns = ["gateway", "edge", "region", "state", "since", "until", "why"]
    show_list(options.output, rows, columns, nothing="no edge was heard lately")


@carrier.command(name="create")
async def create_carrier(
    name: str,
    *,
    trusted: Annotated[bool, Parameter(negative="")] = False,
    pai_on_ack: bool = True,
    pai_without_privacy: Annotated[bool, Parameter(negative="")] = False,
    pdd_limit_s: Natural = 20,
    number_format: NumberFormat = "plus",
    country_code: str = "",
    international_prefix: str = "",
    national_prefix: str = "",
    pai: PaiForms = "both",
    from_form: FromForm = "kept",
    hiding: Hiding = "default",
    takes_refer: Annotated[bool, Parameter(negative="")] = False,
    options: Writing = WRITING,
) -> None:
    """Creates a carrier.

    Parameters
    ----------
    name: 1 to 32 of 0-9 a-z and "-", beginning with a letter.
    trusted: Inside the trust domain of RFC 3325: is told who calls.
    pai_on_ack: P-Asserted-Identity in the ACK of an answer too.
    pai_without_privacy: Not trusted, but told of calls that asked for no privacy.
    pdd_limit_s: Seconds from 100 to ringing before the next gateway is tried.
    number_format: E.164 with + (plus), without (digits), behind the international prefix (prefixed), or its own country's as dialled there.
    country_code: Of "national", such as 31.
    international_prefix: Of "prefixed" and "national", such as 00.
    national_prefix: Of "national", such as 0.
    pai: P-Asserted-Identity as a SIP URI, a tel URI, or both.
    from_form: From as the caller wrote it, or the identity that we assert.
    hiding: Via, Record-Route and Contact of one side hidden from the other; by default for carriers that are not trusted.
    takes_refer: Pass customers' REFER on to it: it may be made to call elsewhere.
    """
    settings = config_pb2.CarrierSettings(
        is_trusted=trusted,
        has_pai_on_ack=pai_on_ack,
        sends_pai_without_privacy=pai_without_privacy,
        pdd_limit_s=pdd_limit_s,
        number_format=number_format,
        country_code=country_code,
        international_prefix=international_prefix,
        national_prefix=national_prefix,
        pai_forms=pai,
        from_form=from_form,
        hiding=hiding,
        takes_refer=takes_refer,
    )
    request = routing.CreateCarrierRequest(write=options.options(), carrier=name, settings=settings)
    async with session(is_operator=True) as connected:
        answer = await (await connected.routing()).CreateCarrier(request)
        await finish(connected, options, f"created carrier {name}", answer.receipt, answer.carrier)


@carrier.command(name="change")
async def change_carrier(
    name: CarrierName,
    *,
    trusted: bool | None = None,
    pai_on_ack: bool | None = None,
    pai_without_privacy: bool | None = None,
    pdd_limit_s: Natural | None = None,
    number_format: NumberFormat | None = None,
    country_code: str | None = None,
    international_prefix: str | None = None,
    national_prefix: str | None = None,
    pai: PaiForms | None = None,
    from_form: FromForm | None = None,
    hiding: Hiding | None = None,
    takes_refer: bool | None = None,
    options: Writing = WRITING,
) -> None:
    """Changes a carrier's settings, for calls from now on. What is left out stays as it was. The settings are those of `create`.

    Parameters
    ----------
    name: The carrier.
    """
    asked = {
        "is_trusted": trusted,
        "has_pai_on_ack": pai_on_ack,
        "sends_pai_without_privacy": pai_without_privacy,
        "pdd_limit_s": pdd_limit_s,
        "number_format": number_format,
        "country_code": country_code,
        "international_prefix": international_prefix,
        "national_prefix": national_prefix,
        "pai_forms": pai,
        "from_form": from_form,
        "hiding": hiding,
        "takes_refer": takes_refer,
    }
    async with session(is_operator=True) as connected:
        stub = await connected.routing()
        known = (await stub.ListCarriers(routing.ListCarriersRequest())).carriers
        found = next((each for each in known if each.name == name), None)
        if found is None:
            raise CommandError(f"there is no carrier {name}", remedy="trunkline carrier list", code=Exit.NOT_FOUND)
        settings = found.settings
        for field, value in asked.items():
            if value is not None:
                setattr(settings, field, value)
        request = routing.ChangeCarrierRequest(write=options.options(), carrier=name, settings=settings)
        answer = await stub.ChangeCarrier(request)
        await finish(connected, options, f"changed carrier {name}", answer.receipt, answer.carrier)


@carrier.command(name="suspend")
async def suspend_carrier(
    name: CarrierName, *, ending_calls: Annotated[bool, Parameter(negative="")] = False, options: Writing = WRITING
) -> None:
    """Gives a carrier no new calls.

    Parameters
    ----------
    name: The carrier.
    ending_calls: End its calls in progress too, wherever they are.
    """
    request = routing.SuspendCarrierRequest(write=options.options(), carrier=name, is_ending_calls=ending_calls)
    async with session(is_operator=True) as connected:
        answer = await (await connected.routing()).SuspendCarrier(request)
        await finish(connected, options, f"suspended carrier {name}", answer.receipt, answer.carrier)


@carrier.command(name="resume")
async def resume_carrier(name: CarrierName, *, options: Writing = WRITING) -> None:
    """Gives a suspended carrier calls again.

    Parameters
    ----------
    name: The carrier.
    """
    request = routing.ResumeCarrierRequest(write=options.options(), carrier=name)
    async with session(is_operator=True) as connected:
        answer = await (await connected.routing()).ResumeCarrier(request)
        await finish(connected, options, f"resumed carrier {name}", answer.receipt, answer.carrier)


@route.command(name="list")
async def list_routes(prefix: str = "", *, limit: Amount = 100, options: Listing = LISTING) -> None:
    """Lists rows of the active decks.

    Parameters
    ----------
    prefix: Only rows whose prefix begins so.
    limit: At most so many.
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.routing()
        request = routing.ListRoutesRequest(prefix=prefix.removeprefix("+"))
        rows = [row async for row in _rows(stub.ListRoutes, request, limit + 1)]
    if len(rows) > limit:
        say_more(limit)
        del rows[limit:]
    columns = ["prefix", "carrier", "priority", "weight", "a minute", "destination", "deck"]
    shown = rows if options.is_data else [{**row, "a minute": _price(row)} for row in rows]
    show_list(options.output, shown, columns, nothing="no such route")


async def _rows(method: Any, request: routing.ListRoutesRequest, limit: int) -> AsyncIterator[dict[str, Any]]:
    """Each with its deck and currency; an older routing service names neither."""
    while limit > 0:
        request.page.size = min(LARGEST_PAGE, limit)
        answer = await method(request)
        for row, origin in zip_longest(answer.rows, answer.origins, fillvalue=routing.RowOrigin()):
            yield {**plain(row), **plain(origin)}
        limit -= len(answer.rows)
        if not answer.next_page_token:
            return
        request.page.token = answer.next_page_token


def _price(row: Mapping[str, Any]) -> str:
    return f"{row['rate_micros'] / 1e6:g} {row['currency']}".rstrip()


@route.command(name="resolve")
async def resolve(number: str, *, domain: DomainLabel = "", region: RegionName = "", options: Reading = READING) -> None:
    """Says where a number would go: the prefix, and the gateways in the order they would be tried.

    Parameters
    ----------
    number: E.164, with or without "+".
    domain: Apply the class of service of this domain.
    region: Of the point of presence that asks.
    """
    async with session(is_operator=options.as_operator) as connected:
        request = routing.ResolveRequest(number=number, region=region, domain=domain, tenant=options.tenant)
        found = plain(await (await connected.routing()).Resolve(request))
    row = next((row for row in REGISTRY if row.code == found["reason"]), None)
    show_one(
        options.output,
        {**found, "text": row.text if row else "", "what_to_do": row.what_to_do if row else ""},
        hidden=("gateways", "notes"),
    )
    if not options.is_data:
        console.print()
        columns = ["order", "carrier", "gateway", "address", "a minute"]
        rows = [{**row, "order": place, "a minute": _price(row)} for place, row in enumerate(found["gateways"], start=1)]
        show_list(options.output, rows, columns, nothing="no gateway")
        for note in found["notes"]:
            console.print(note)


def passed_over(sights: Iterable[routing.GatewaySight]) -> dict[tuple[str, str], str]:
    """Gateways by carrier and name that are not used everywhere: by how many of the edges that were heard."""
    edges: dict[tuple[str, str], list[bool]] = {}
    for sight in sights:
        edges.setdefault((sight.carrier, sight.gateway), []).append(sight.state != "closed")
    return {key: f"({sum(seen)}/{len(seen)} edges)" for key, seen in edges.items() if any(seen)}
