"""Gateways of a carrier: from commands to events."""

from __future__ import annotations

from typing import TypeVar

from trunkline.domain import names
from trunkline.domain.addresses import canonical_ip
from trunkline.domain.commands import AddGateway, ChangeGateway, RemoveGateway
from trunkline.domain.decide_routing import MAX_PRIORITY, MAX_WEIGHT, existing_carrier
from trunkline.domain.decision import Decision
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, already_exists, failed_precondition, invalid, not_found
from trunkline.domain.events import PLATFORM, GatewayAdded, GatewayChanged, GatewayId, GatewayRemoved, Kind
from trunkline.domain.views import Carrier, Gateway

MAX_GATEWAYS = 64
"""Of one carrier: a call's choice looks at each."""
DEFAULT_PORT = 5060
DEFAULT_TLS_PORT = 5061
TRANSPORTS = ("udp", "tcp", "tls", "udp+tcp")
"""The last: by UDP, and by TCP what is too large for it (RFC 3261 §18.1.1)."""

T = TypeVar("T")


def add_gateway(directory: Directory, command: AddGateway) -> Decision:
    carrier = existing_carrier(directory, command.carrier)
    wanted = _checked(carrier, command, names.gateway_id(command.gateway), "gateway.")
    _check_free(directory, wanted, "gateway.host")
    if any(other.name == wanted.name for other in carrier.gateways):
        raise already_exists("GATEWAY_EXISTS", "gateway.name", f'The carrier "{carrier.id}" has a gateway "{wanted.name}".')
    if len(carrier.gateways) >= MAX_GATEWAYS:
        raise failed_precondition("TOO_MANY_GATEWAYS", f'The carrier "{carrier.id}" has {MAX_GATEWAYS} gateways.')
    return Decision(Kind.CARRIER, PLATFORM, carrier.id, (GatewayAdded(*_said(wanted)),))


def change_gateway(directory: Directory, command: ChangeGateway) -> Decision:
    carrier = existing_carrier(directory, command.carrier)
    known = next((each for each in carrier.gateways if each.name == command.gateway), None)
    if known is None:
        raise _gateway_not_found(carrier, command.gateway)
    transport = _given(command.transport, known.transport) or TRANSPORTS[0]
    asked = AddGateway(
        command.carrier,
        command.gateway,
        _given(command.host, known.host),
        _given(command.region, known.region),
        _given(command.port, known.port),
        transport,
        _given(command.priority, known.priority),
        _given(command.weight, known.weight),
        _given(command.tls_name, known.tls_name if transport == "tls" else ""),
        _given(command.takes_no_options, known.takes_no_options),
    )
    wanted = _checked(carrier, asked, known.name)
    _check_free(directory, wanted, "host")
    return Decision(Kind.CARRIER, PLATFORM, carrier.id, () if wanted == known else (GatewayChanged(*_said(wanted)),))


def remove_gateway(directory: Directory, command: RemoveGateway) -> Decision:
    carrier = existing_carrier(directory, command.carrier)
    name = GatewayId(command.gateway)
    if all(gateway.name != name for gateway in carrier.gateways):
        raise _gateway_not_found(carrier, name)
    return Decision(Kind.CARRIER, PLATFORM, carrier.id, (GatewayRemoved(name),))


def _checked(carrier: Carrier, asked: AddGateway, name: GatewayId, at: str = "") -> Gateway:
    """In canonical form; whether its address is free is another question. `at` is where its fields stand in the request. Raises Refusal."""
    host = canonical_ip(asked.host, field=f"{at}host")
    transport = asked.transport or TRANSPORTS[0]
    port = asked.port or (DEFAULT_TLS_PORT if transport == "tls" else DEFAULT_PORT)
    region = names.region(asked.region, f"{at}region")
    if not 1 <= port <= 65_535:
        raise invalid("PORT_INVALID", f"{at}port", f"{port} is no port: 1 to 65535.")
    if transport not in TRANSPORTS:
        raise invalid("TRANSPORT_INVALID", f"{at}transport", f"{transport[:16]!r} is none of {', '.join(TRANSPORTS)}.")
    tls_name = names.host_name(asked.tls_name, f"{at}tls_name") if asked.tls_name else ""
    if tls_name and transport != "tls":
        raise invalid("TLS_NAME_UNUSED", f"{at}tls_name", f"By {transport} nobody shows a certificate.")
    if not 0 <= asked.priority <= MAX_PRIORITY or not 0 <= asked.weight <= MAX_WEIGHT:
        raise invalid("PRIORITY_INVALID", f"{at}priority", f"Priority and weight are 0 to {MAX_PRIORITY}.")
    key = f"{carrier.id}/{name}"
    return Gateway(carrier.id, name, key, host, port, transport, region, asked.priority, asked.weight, tls_name, asked.takes_no_options)


def _check_free(directory: Directory, wanted: Gateway, field: str) -> None:
    """That no other gateway has its address. Raises Refusal."""
    for carrier in directory.carriers.values():
        for other in carrier.gateways:
            if other.key == wanted.key or (other.host, other.port) != (wanted.host, wanted.port):
                continue
            if not _ways(other.transport).isdisjoint(_ways(wanted.transport)):
                raise already_exists(
                    "GATEWAY_ADDRESS_TAKEN",
                    field,
                    f"{wanted.host} port {wanted.port} is the gateway {other.key}; a call from there could not be told apart.",
                )


def _said(gateway: Gateway) -> tuple[str, str, int, str, str, int, int, str, bool]:
    """The fields of GatewayAdded and of GatewayChanged."""
    return (
        gateway.name,
        gateway.host,
        gateway.port,
        gateway.transport,
        gateway.region,
        gateway.priority,
        gateway.weight,
        gateway.tls_name,
        gateway.takes_no_options,
    )


def _given(value: T | None, before: T) -> T:
    return before if value is None else value


def _ways(transport: str) -> set[str]:
    """TLS is a connection of TCP: they cannot share a port."""
    return {"tcp" if way == "tls" else way for way in transport.split("+")}


def _gateway_not_found(carrier: Carrier, name: str) -> Refusal:
    return not_found("GATEWAY_NOT_FOUND", "gateway", f'The carrier "{carrier.id}" has no gateway {name[:64]!r}.')
