"""An edge looks at other points of presence, as their customers reach them: an OPTIONS a second over UDP to each one's SIP address, and one
over TCP and TLS now and then (`stream_probes`).

Whatever answers is there: 503 is one that is being emptied, which the log tells. What is seen, and whether this edge itself takes calls, is
told over NATS (`trunkline.runtime.pop_reports`) and judged by `trunkline.domain.pop_health`. It never touches calls.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Final, cast

import nats.errors
from nats.aio.client import Client

from trunkline.domain.pop_health import PING_S, Report, Sight
from trunkline.runtime.logs import logger
from trunkline.runtime.pop_reports import SUBJECT, encode_report

Address = tuple[str, int]

CALL_ID: Final = re.compile(rb"\r\n(?:Call-ID|i)[ \t]*:[ \t]*([0-9a-f]{16})\r\n", re.IGNORECASE)


def options(token: str, target: Address, source: Address, transport: str = "udp") -> bytes:
    """RFC 3261 §11.1; `token` is branch, tag and Call-ID."""
    to, mine = _written(target), _written(source)
    return (
        f"OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/{transport.upper()} {mine};branch=z9hG4bK{token};rport\r\nMax-Forwards: 1\r\n"
        f"From: <sip:observer@{mine}>;tag={token}\r\nTo: <sip:{to}>\r\nCall-ID: {token}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class Observer(asyncio.DatagramProtocol):
    """`targets` are SIP addresses by point of presence, all of one family. `look` begins a round of pings and closes the one before."""

    def __init__(self, targets: Mapping[str, Address]) -> None:
        self.sights: dict[str, Sight] = dict.fromkeys(targets, Sight())
        self._targets = dict(targets)
        self._pending: dict[str, str] = {}
        """By token: who has not answered it."""
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport has the methods and not the base class.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        found = CALL_ID.search(data) if data.startswith(b"SIP/2.0 ") else None
        token = found[1].decode() if found is not None else ""
        pop = self._pending.get(token)
        if pop is None or (addr[0], addr[1]) != self._targets[pop]:
            return
        del self._pending[token]
        self.sights[pop] = self.sights[pop].after(is_answered=True)

    def error_received(self, exc: Exception) -> None:
        """ICMP: nobody listens there, which silence says as well."""

    def look(self) -> None:
        """A ping has until the next round to be answered."""
        assert self._transport is not None, "there is no socket yet"
        for pop in self._pending.values():
            self.sights[pop] = self.sights[pop].after(is_answered=False)
        source = self._transport.get_extra_info("sockname")[:2]
        self._pending = {secrets.token_hex(8): pop for pop in self._targets}
        for token, pop in self._pending.items():
            self._transport.sendto(options(token, self._targets[pop], source), self._targets[pop])

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Reporter:
    """Of one edge. `is_serving` is asked at each report."""

    def __init__(self, edge: str, pop: str, is_serving: Callable[[], bool]) -> None:
        self._edge = edge
        self._pop = pop
        self._is_serving = is_serving

    async def run(
        self,
        client: Client,
        targets: Mapping[str, Address],
        hosts: Mapping[bool, str],
        streams: Callable[[], Mapping[str, Mapping[str, Sight]]] = dict,
    ) -> None:
        """For ever. `hosts` are our own addresses to look from, by whether they are of IPv6; `streams` says what was seen by other
        transports. OSError where an address cannot be bound."""
        observers: list[Observer] = []
        loop = asyncio.get_running_loop()
        try:
            for is_ipv6, host in hosts.items():
                chosen = {pop: target for pop, target in targets.items() if (":" in target[0]) == is_ipv6}
                if chosen:
                    observers.append(Observer(chosen))
                    await loop.create_datagram_endpoint(lambda each=observers[-1]: each, local_addr=(host, 0))  # type: ignore[misc]
            while True:
                for observer in observers:
                    observer.look()
                await asyncio.sleep(PING_S)
                sights = {pop: sight for observer in observers for pop, sight in observer.sights.items()}
                await self.tell(client, is_serving=self._is_serving(), sights=sights, streams=streams())
        finally:
            for observer in observers:
                observer.close()

    async def leave(self, client: Client) -> None:
        """The last word of an edge that ends: it takes no calls any more, which nobody has to find out then."""
        self._is_serving = lambda: False
        await self.tell(client, is_serving=False, sights={})

    async def tell(
        self, client: Client, *, is_serving: bool, sights: Mapping[str, Sight], streams: Mapping[str, Mapping[str, Sight]] | None = None
    ) -> None:
        """A report that cannot be sent is not kept: the next one says more."""
        if not client.is_connected:
            return
        try:
            report = Report(self._edge, self._pop, 0.0, is_serving, sights, streams or {})
            await client.publish(f"{SUBJECT}.{self._pop}", encode_report(report))
        except (nats.errors.Error, OSError) as error:
            logger("observing").info("report not sent", why=f"{type(error).__name__}: {error}")


def _written(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
