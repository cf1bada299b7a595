"""The operator's forms of a carrier's gateways."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.routing.v1 import routing_pb2
from trunkline.dashboard.forms import Command, Done, Field, Form, answer_form, confirm, quoted, whole
from trunkline.dashboard.visits import Visit, Wrong, write_options

BACK: Final = "/operator/carriers"
TRANSPORTS: Final = (("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS"), ("udp+tcp", "UDP, and TCP for what is too large for it"))
WHOLE: Final = ("port", "priority", "weight")
TEXTS: Final = ("host", "transport", "tls_name", "region")
NEW: Final = routing_pb2.Gateway(transport="udp", weight=1)
CHOICES: Final[Command] = [
    ("--transport", "{transport}"),
    ("--tls-name", "{tls_name}"),
    ("--region", "{region}"),
    ("--priority", "{priority}"),
    ("--weight", "{weight}"),
    ("--takes-no-options", "{no_options?}"),
]


async def add(visit: Visit) -> Response:
    carrier = visit.path("carrier")
    name = Field("name", "Name", "1 to 32 of 0-9 a-z and -, beginning with a letter", is_mono=True, stands_for=["gateway.name"])
    form = Form(
        title=f"Add a gateway to {carrier}",
        action=visit.request.url.path,
        fields=[name, *await _fields(visit, NEW)],
        submit="Add gateway",
        command=["carrier", "gateway", "add", quoted(carrier), "{name}", "{host}", ("--port", "{port}"), *CHOICES],
        back=BACK,
    )

    async def send() -> Done:
        wanted = routing_pb2.Gateway(name=visit.value("name"), **_sent(visit, form))
        request = routing_pb2.AddGatewayRequest(write=write_options(), carrier=carrier, gateway=wanted)
        answer = await visit.ask.routing.AddGateway(request)
        return Done(f"Added {wanted.name} to {carrier}.", answer.receipt, BACK)

    return await answer_form(visit, form, send)


async def change(visit: Visit) -> Response:
    carrier, name = visit.path("carrier"), visit.query("gateway") or visit.value("gateway")
    known = (await visit.ask.routing.ListCarriers(routing_pb2.ListCarriersRequest())).carriers
    found = next((each for owner in known if owner.name == carrier for each in owner.gateways if each.name == name), None)
    if found is None:
        raise Wrong("", f"The carrier {carrier[:64]!r} has no gateway {name[:64]!r}.", "NOT_FOUND")
    form = Form(
        title=f"Change {name} of {carrier}",
        action=visit.request.url.path,
        fields=[Field("gateway", "Gateway", kind="hidden", value=name), *await _fields(visit, found)],
        submit="Change gateway",
        command=[
            *("carrier", "gateway", "change", quoted(carrier), quoted(name)),
            ("--host", "{host}"),
            ("--port", "{port}"),
            ("--port", "0", "{port!}"),
            *CHOICES,
            ("--tls-name", "''", "{tls_name!}"),
            ("--no-takes-no-options", "{no_options!}"),
        ],
        text="For calls from now on; those in progress go on where they are.",
        back=BACK,
    )

    async def send() -> Done:
        request = routing_pb2.ChangeGatewayRequest(write=write_options(), carrier=carrier, gateway=name, **_sent(visit, form))
        answer = await visit.ask.routing.ChangeGateway(request)
        return Done(f"Changed {name} of {carrier}.", answer.receipt, BACK)

    return await answer_form(visit, form, send)


async def remove(visit: Visit) -> Response:
    carrier, gateway = visit.path("carrier"), visit.query("gateway") or visit.value("gateway")
    return await confirm(
        visit,
        f"Remove {gateway} from {carrier}?",
        "Remove gateway",
        ["carrier", "gateway", "remove", quoted(carrier), quoted(gateway)],
        visit.ask.routing.RemoveGateway,
        routing_pb2.RemoveGatewayRequest(carrier=carrier, gateway=gateway),
        f"Removed {gateway} from {carrier}.",
        BACK,
        text="It gets no new calls. Calls in progress go on.",
        fields=[Field("gateway", "Gateway", kind="hidden", value=gateway)],
    )


async def _fields(visit: Visit, known: routing_pb2.Gateway) -> list[Field]:
    """Each is named as the gateway's field is, but `no_options`."""
    pops = await visit.ask.provisioning.ListPops(pb.ListPopsRequest())
    regions = list(dict.fromkeys([*(pop.region for pop in pops.pops), *([known.region] if known.region else [])]))
    return [
        _field("host", "IP address", value=known.host, is_mono=True),
        _field("port", "Port", "5060 where it is left out, for TLS 5061", "number", value=str(known.port or ""), is_required=False),
        _field("transport", "Transport", kind="select", options=TRANSPORTS, value=known.transport),
        _field(
            "tls_name",
            "Name in its certificate",
            "For TLS; its address where it is left out",
            value=known.tls_name,
            is_required=False,
            is_mono=True,
        ),
        _field(
            "region",
            "Near the region",
            kind="select",
            options=[(each, each) for each in regions],
            value=known.region or (regions[0] if regions else ""),
        ),
        _field("priority", "Priority", "Lower first", "number", value=str(known.priority)),
        _field("weight", "Weight", "Share within a priority", "number", value=str(known.weight)),
        Field(
            "no_options",
            "Send it no OPTIONS",
            "Whether it is there is then known from its calls alone.",
            "check",
            value="on" if known.takes_no_options else "",
        ),
    ]


def _field(name: str, label: str, hint: str = "", kind: Any = "text", **options: Any) -> Field:
    return Field(name, label, hint, kind, stands_for=[f"gateway.{name}"], **options)


def _sent(visit: Visit, form: Form) -> dict[str, Any]:
    """Fields of the gateway as they were sent. Raises Wrong."""
    numbers = {each.name: whole(visit, each) for each in form.fields if each.name in WHOLE}
    return {**numbers, **{name: visit.value(name) for name in TEXTS}, "takes_no_options": visit.value("no_options") == "on"}
