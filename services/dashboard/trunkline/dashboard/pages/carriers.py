"""The operator's page of carriers; the forms of their gateways are in `gateways`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.responses import Response

from trunkline.api.events.v1 import config_pb2
from trunkline.api.routing.v1 import routing_pb2
from trunkline.dashboard.forms import ENDING, Command, Done, Field, Form, answer_form, confirm, quoted, whole
from trunkline.dashboard.visits import Visit, Wrong, write_options

NUMBER_FORMATS = (
    ("plus", "+31201234567"),
    ("digits", "31201234567"),
    ("prefixed", "0031201234567, behind the international prefix"),
    ("national", "0201234567 in its own country, as dialled there"),
)
PAI_FORMS = (("both", "SIP and tel URI"), ("sip", "SIP URI"), ("tel", "tel URI"))
FROM_FORMS = (("kept", "As the caller wrote it"), ("asserted", "The identity that we assert"))
HIDING = (("default", "Where the carrier is not trusted"), ("on", "Always"), ("off", "Never"))
CHECKS = {
    "is_trusted": ("trusted", "Trusted: it is told who calls (RFC 3325)"),
    "sends_pai_without_privacy": ("pai-without-privacy", "Not trusted, but told of calls that ask for no privacy"),
    "has_pai_on_ack": ("pai-on-ack", "P-Asserted-Identity in the ACK of an answer too"),
    "takes_refer": ("takes-refer", "Pass customers' REFER on to it: it may be made to call elsewhere"),
}
"""Settings that are ticked, with their option of the command line."""
USUAL = config_pb2.CarrierSettings(
    has_pai_on_ack=True, pdd_limit_s=20, number_format="plus", pai_forms="both", from_form="kept", hiding="default"
)


async def carriers(visit: Visit) -> Response:
    listed = await visit.ask.routing.ListCarriers(routing_pb2.ListCarriersRequest())
    health = await visit.ask.routing.ListGatewayHealth(routing_pb2.ListGatewayHealthRequest())
    sights: dict[tuple[str, str], list[routing_pb2.GatewaySight]] = {}
    for sight in health.sights:
        sights.setdefault((sight.carrier, sight.gateway), []).append(sight)
    return visit.show("carriers.html", carriers=listed.carriers, sights=sights)


async def suspend(visit: Visit) -> Response:
    carrier = visit.path("carrier")
    return await confirm(
        visit,
        f"Suspend {carrier}?",
        "Suspend",
        ["carrier", "suspend", quoted(carrier), ("--ending-calls", "{ending?}")],
        visit.ask.routing.SuspendCarrier,
        routing_pb2.SuspendCarrierRequest(carrier=carrier, is_ending_calls=visit.value("ending") == "on"),
        f"{carrier} is suspended.",
        "/operator/carriers",
        text="It gets no new calls; the next carriers of each route take them.",
        fields=[ENDING],
    )


async def resume(visit: Visit) -> Response:
    carrier = visit.path("carrier")
    return await confirm(
        visit,
        f"Give calls to {carrier} again?",
        "Resume",
        ["carrier", "resume", quoted(carrier)],
        visit.ask.routing.ResumeCarrier,
        routing_pb2.ResumeCarrierRequest(carrier=carrier),
        f"{carrier} gets calls again.",
        "/operator/carriers",
        is_dangerous=False,
    )


async def add(visit: Visit) -> Response:
    name = Field("carrier", "Name", "1 to 32 of 0-9 a-z and -, beginning with a letter", is_mono=True)
    command: Command = [
        "carrier",
        "create",
        "{carrier}",
        ("--trusted", "{is_trusted?}"),
        ("--no-pai-on-ack", "{has_pai_on_ack!}"),
        ("--pai-without-privacy", "{sends_pai_without_privacy?}"),
        ("--takes-refer", "{takes_refer?}"),
        *CHOICES,
    ]
    form = Form("New carrier", visit.request.url.path, [name, *_fields(USUAL)], "Create carrier", command, back="/operator/carriers")

    async def send() -> Done:
        request = routing_pb2.CreateCarrierRequest(write=write_options(), carrier=visit.value("carrier"), settings=_settings(visit))
        answer = await visit.ask.routing.CreateCarrier(request)
        return Done(f"Created {request.carrier}; it takes calls when it has a gateway.", answer.receipt, "/operator/carriers")

    return await answer_form(visit, form, send)


async def change(visit: Visit) -> Response:
    carrier = visit.path("carrier")
    known = (await visit.ask.routing.ListCarriers(routing_pb2.ListCarriersRequest())).carriers
    found = next((each for each in known if each.name == carrier), None)
    if found is None:
        raise Wrong("", f"There is no carrier {carrier[:64]!r}.", "NOT_FOUND")
    command: list[str | tuple[str, ...]] = ["carrier", "change", quoted(carrier)]
    for name, (option, _) in CHECKS.items():
        command += [(f"--{option}", f"{{{name}?}}"), (f"--no-{option}", f"{{{name}!}}")]
    command += CHOICES
    for name in DIGITS:
        command.append((f"--{name.replace('_', '-')}", "''", f"{{{name}!}}"))
    text = "For calls from now on; those in progress go on as they are."
    form = Form(
        f"Settings of {carrier}", visit.request.url.path, _fields(found.settings), "Change", command, text, back="/operator/carriers"
    )

    async def send() -> Done:
        request = routing_pb2.ChangeCarrierRequest(write=write_options(), carrier=carrier, settings=_settings(visit))
        answer = await visit.ask.routing.ChangeCarrier(request)
        return Done(f"{carrier} is changed.", answer.receipt, "/operator/carriers")

    return await answer_form(visit, form, send)


PDD_LIMIT = Field(
    "pdd_limit_s",
    "Seconds until it must ring",
    "From its 100; then the next gateway is tried",
    "number",
    stands_for=["settings.pdd_limit_s"],
)
DIGITS = {
    "country_code": ("Country code", "Of a national format, such as 31"),
    "international_prefix": ("International prefix", "Of a prefixed or national format, such as 00"),
    "national_prefix": ("National prefix", "Of a national format, such as 0"),
}
CHOICES: Command = [
    ("--pdd-limit-s", "{pdd_limit_s}"),
    ("--number-format", "{number_format}"),
    *((f"--{name.replace('_', '-')}", f"{{{name}}}") for name in DIGITS),
    ("--pai", "{pai_forms}"),
    ("--from-form", "{from_form}"),
    ("--hiding", "{hiding}"),
]
"""What is not ticked, as options."""


def _fields(known: config_pb2.CarrierSettings) -> list[Field]:
    """Of a carrier's settings; each is named as the setting is."""

    def select(name: str, label: str, options: tuple[tuple[str, str], ...]) -> Field:
        return Field(
            name, label, kind="select", options=options, value=getattr(known, name) or options[0][0], stands_for=[f"settings.{name}"]
        )

    return [
        *(Field(name, text, kind="check", value="on" if getattr(known, name) else "") for name, (_, text) in CHECKS.items()),
        replace(PDD_LIMIT, value=str(known.pdd_limit_s)),
        select("number_format", "Numbers are written", NUMBER_FORMATS),
        *(
            Field(name, label, hint, value=getattr(known, name), is_required=False, is_mono=True, stands_for=[f"settings.{name}"])
            for name, (label, hint) in DIGITS.items()
        ),
        select("pai_forms", "P-Asserted-Identity", PAI_FORMS),
        select("from_form", "From", FROM_FORMS),
        select("hiding", "Hide Via, Record-Route and Contact", HIDING),
    ]


def _settings(visit: Visit) -> config_pb2.CarrierSettings:
    """As they were sent. Raises Wrong."""
    sent: dict[str, Any] = {name: visit.value(name) == "on" for name in CHECKS}
    sent |= {name: visit.value(name) for name in ("number_format", *DIGITS, "pai_forms", "from_form", "hiding")}
    return config_pb2.CarrierSettings(pdd_limit_s=whole(visit, PDD_LIMIT), **sent)
