"""`trunkline carrier gateway`: where a carrier is spoken to."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from trunkline.api.routing.v1 import routing_pb2 as routing
from trunkline.cli.connection import session
from trunkline.cli.options import WRITING, CarrierName, GatewayName, Natural, Port, RegionName, Writing
from trunkline.cli.writing import finish

Transport = Literal["udp", "tcp", "tls", "udp+tcp"]

gateway = App(name="gateway", help="Gateways of a carrier.")


@gateway.command(name="add")
async def add_gateway(
    owner: CarrierName,
    name: str,
    host: str,
    *,
    port: Port | None = None,
    transport: Transport = "udp",
    tls_name: str = "",
    region: RegionName = "eu",
    priority: Natural = 0,
    weight: Natural = 1,
    takes_no_options: Annotated[bool, Parameter(negative="")] = False,
    options: Writing = WRITING,
) -> None:
    """Adds a gateway to a carrier.

    Parameters
    ----------
    owner: The carrier.
    name: The gateway's name.
    host: IP address.
    port: 5060 where it is left out, for TLS 5061.
    transport: How it is spoken to; udp+tcp: by TCP what is too large for a datagram.
    tls_name: DNS name that its certificate must have; its address where it is left out.
    region: Where it is near.
    priority: Lower first.
    weight: Share within a priority.
    takes_no_options: Send it none: whether it is there is known from its calls alone.
    """
    wanted = routing.Gateway(
        name=name,
        host=host,
        port=port,
        transport=transport,
        region=region,
        priority=priority,
        weight=weight,
        tls_name=tls_name,
        takes_no_options=takes_no_options,
    )
    request = routing.AddGatewayRequest(write=options.options(), carrier=owner, gateway=wanted)
    async with session(is_operator=True) as connected:
        answer = await (await connected.routing()).AddGateway(request)
        await finish(connected, options, f"added gateway {name} to {owner}", answer.receipt, answer.carrier)


@gateway.command(name="change")
async def change_gateway(
    owner: CarrierName,
    name: GatewayName,
    *,
    host: str | None = None,
    port: Natural | None = None,
    transport: Transport | None = None,
    tls_name: str | None = None,
    region: RegionName | None = None,
    priority: Natural | None = None,
    weight: Natural | None = None,
    takes_no_options: bool | None = None,
    options: Writing = WRITING,
) -> None:
    """Changes a gateway, for calls from now on; those in progress go on where they are. What is left out stays as it was.

    Parameters
    ----------
    owner: The carrier.
    name: The gateway's name.
    host: IP address.
    port: 0: 5060, for TLS 5061.
    transport: How it is spoken to; udp+tcp: by TCP what is too large for a datagram.
    tls_name: DNS name that its certificate must have; empty: its address. Forgotten where it is no longer spoken to by TLS.
    region: Where it is near.
    priority: Lower first.
    weight: Share within a priority; 0: only where no other of it is left.
    takes_no_options: Send it none: whether it is there is known from its calls alone.
    """
    request = routing.ChangeGatewayRequest(
        write=options.options(),
        carrier=owner,
        gateway=name,
        host=host,
        port=port,
        transport=transport,
        region=region,
        priority=priority,
        weight=weight,
        tls_name=tls_name,
        takes_no_options=takes_no_options,
    )
    async with session(is_operator=True) as connected:
        answer = await (await connected.routing()).ChangeGateway(request)
        await finish(connected, options, f"changed gateway {name} of {owner}", answer.receipt, answer.carrier)


@gateway.command(name="remove")
async def remove_gateway(owner: CarrierName, name: GatewayName, *, options: Writing = WRITING) -> None:
    """Removes a gateway from a carrier.

    Parameters
    ----------
    owner: The carrier.
    name: The gateway's name.
    """
    request = routing.RemoveGatewayRequest(write=options.options(), carrier=owner, gateway=name)
    async with session(is_operator=True) as connected:
        answer = await (await connected.routing()).RemoveGateway(request)
        await finish(connected, options, f"removed gateway {name} from {owner}", answer.receipt, answer.carrier)
