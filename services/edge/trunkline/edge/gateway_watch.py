"""An edge watches its gateways: takes what the engine has seen, has OPTIONS sent, tells the region (docs/adr/0014-gateway-health.md).

Never on the way of a call: a call looks at `GatewayHealths.view`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.domain.directory import Directory
from trunkline.domain.views import Gateway
from trunkline.edge.gateway_healths import GatewayHealths, Sighting
from trunkline.edge.gateway_pings import Pings
from trunkline.edge.waking import readable_within, set_within
from trunkline.runtime.gateway_reports import REPORT_S, SUBJECT, GatewayReport, encode_report, parse_report
from trunkline.runtime.logs import logger

TURN_S = 0.05
"""Between two turns where something is in doubt: how long a failure may wait to count."""

CALM_S = 0.25
"""Between two turns where nothing is: the first failure ends it, so that only OPTIONS and other edges' reports wait."""


class Gateways(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def ping(self, gateway: str, address: str, port: int, transport: str, timeout_ms: int) -> None: ...
    def take_sightings(self) -> list[Sighting]: ...
    def sightings_fileno(self) -> int: ...


class GatewayWatch:
    """`directory` gives the one that holds now; OPTIONS go out every `options_s` and may take `timeout_s`."""

    def __init__(
        self,
        healths: GatewayHealths,
        directory: Callable[[], Directory],
        *,
        options_s: float,
        timeout_s: float,
        randomness: Callable[[], float] = random.random,
    ) -> None:
        self._healths = healths
        self._directory = directory
        self._timeout_ms = int(1000 * timeout_s)
        self._pings = Pings(options_s, randomness)
        self._known: dict[str, Gateway] = {}
        self._followed: Directory | None = None
        self._followed_version = 0
        self._suspects: set[str] = set()
        self._changed = asyncio.Event()

    async def run(self, engine: Gateways) -> None:
        """For ever. What fails again and again is looked at in turns, not each time."""
        while True:
            self.turn(engine, time.time())
            if not self._healths.is_calm or await readable_within(engine.sightings_fileno(), CALM_S):
                await asyncio.sleep(TURN_S)

    def turn(self, engine: Gateways, now_s: float) -> None:
        self._follow(now_s)
        sightings = [row for row in engine.take_sightings() if row[0] in self._known and _counts(self._known[row[0]], row)]
        if self._healths.turn(sightings, self._known.keys(), now_s):
            self._changed.set()
        suspects = self._healths.suspects(now_s)
        for key in {row[0] for row in sightings if row[2]} | (suspects - self._suspects):
            self._pings.hurry(key, now_s)
        self._suspects = suspects
        for key in self._pings.due(now_s, lambda key: self._healths.is_in_doubt(key) or key in suspects):
            gateway = self._known[key]
            engine.ping(key, gateway.host, gateway.port, gateway.transport, self._timeout_ms)

    def _follow(self, now_s: float) -> None:
        directory = self._directory()
        if directory is self._followed and directory.carriers_version == self._followed_version:
            return
        self._followed, self._followed_version = directory, directory.carriers_version
        before, self._known = self._known, {each.key: each for carrier in directory.carriers.values() for each in carrier.gateways}
        moved = {key for key, each in self._known.items() if key in before and _place(each) != _place(before[key])}
        self._healths.keep(self._known.keys())
        if moved and self._healths.forget(moved, now_s):
            self._changed.set()
        pinged = {key: gateway for key, gateway in self._known.items() if not gateway.takes_no_options}
        self._pings.follow(pinged, now_s)
        if self._healths.spare(self._known.keys() - pinged.keys(), now_s):
            self._changed.set()
        for key in moved:
            self._pings.hurry(key, now_s)

    async def hear(self, client: Client) -> None:
        """Subscribes; what cannot be read is logged and left out. Call it when there is a connection; it is renewed after every loss."""

        async def on_message(message: Msg) -> None:
            try:
                self._healths.reports.hear(parse_report(message.data, time.time()))
            except ValueError as error:
                logger("gateways").warning("a report cannot be read", subject=message.subject, why=str(error))

        await client.subscribe(f"{SUBJECT}.>", cb=on_message)

    async def tell(self, client: Client, edge: str, pop: str, region: str) -> None:
        """For ever: every two seconds, and when something has changed. A report that cannot be sent is not kept: the next one says more."""
        while True:
            await set_within(self._changed, REPORT_S)
            self._changed.clear()
            if not client.is_connected:
                await asyncio.sleep(TURN_S)
                continue
            try:
                await client.publish(f"{SUBJECT}.{pop}", encode_report(GatewayReport(edge, pop, region, 0.0, self._healths.not_closed)))
            except (nats.errors.Error, OSError) as error:
                logger("gateways").info("report not sent", why=f"{type(error).__name__}: {error}")


def _place(gateway: Gateway) -> tuple[str, int, str]:
    return gateway.host, gateway.port, gateway.transport


def _counts(gateway: Gateway, row: Sighting) -> bool:
    """Whether it says something of the gateway as it is now. What was sent before a change is answered or given up afterwards: to the place
    where it was, or OPTIONS of which it takes none."""
    is_options = row[1]
    return _is_at(gateway, row[6]) and not (is_options and gateway.takes_no_options)


def _is_at(gateway: Gateway, place: tuple[str, int, str]) -> bool:
    """Whether the engine's `place` (address, port, transport) is where it is; "udp+tcp" is a gateway by UDP that takes TCP too."""
    address, port, transport = place
    return (
        port == gateway.port
        and transport == gateway.transport.partition("+")[0]
        and (address == gateway.host or ip_address(address) == ip_address(gateway.host))
    )
