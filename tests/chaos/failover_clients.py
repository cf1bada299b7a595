"""Two clients that look for a point of presence by DNS and call: one follows SRV (RFC 3263), one knows A records only and uses the first.

Neither keeps an answer: what a cache of the records' TTL adds is the same for both, and not measured.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence, Set

import dns.asyncquery
import dns.exception
import dns.message
from helpers.everywhere import LISTED
from helpers.platform import Platform

from trunkline.cli.uac.call import Step
from trunkline.cli.uac.messages import Order
from trunkline.cli.uac.shell import place_call
from trunkline.lab.sip.flow import Flow, Transport
from trunkline.lab.sip.message import Response

ATTEMPT_LIMIT_S = 3.0
"""After which a client goes on to the next target: by the RFC it is 32 s over UDP; Kamailio's default is 3."""
DNS_LIMIT_S = 1.0
PAUSE_S = 0.05

Look = Callable[[], Awaitable[list[str]]]
"""The addresses to try, in order."""


class Clients:
    """`name_servers` are asked in order until one answers, which is then the first. `number` is called, by the default name of the
    demonstration's domain."""

    def __init__(self, platform: Platform, name_servers: Sequence[tuple[str, int]], number: str, transport: Transport) -> None:
        self._name_servers = list(name_servers)
        self._transport = transport
        demo, realm = platform.local["demo"], platform.local["base_domain"]
        self._host = f"{demo['domain']}.{realm}"
        self._order = Order(number, self._host, demo["account"], demo["password"], hold_s=0.0)

    async def by_srv(self) -> list[str]:
        records = [record for rrset in await self._ask(f"_sip._{self._transport}.{self._host}", "SRV") for record in rrset]
        random.shuffle(records)
        found: list[str] = []
        for record in sorted(records, key=lambda each: each.priority):
            found += [each.address for rrset in await self._ask(record.target.to_text(), "A") for each in rrset]
        return found

    async def by_a(self) -> list[str]:
        return [record.address for rrset in await self._ask(self._host, "A") for record in rrset][:1]

    async def seconds_to_answer(self, look: Look, limit_s: float) -> float:
        """From now until a call that begins from now on is answered; infinite where none is within the limit."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < limit_s:
            for address in await look():
                answered_s = await self._call(address)
                if answered_s is not None:
                    return answered_s - began_s
            await asyncio.sleep(PAUSE_S)
        return float("inf")

    async def seconds_to_lead_elsewhere(self, dead: Set[str], is_back: Callable[[str], bool], limit_s: float) -> float:
        """From now until SRV of the default name has none of these points of presence, or only such as are back; infinite where that is not
        within the limit."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < limit_s:
            rrsets = await self._ask(f"_sip._udp.{self._host}", "SRV")
            targets = {record.target.to_text().partition(".")[0].removesuffix("-door") for rrset in rrsets for record in rrset}
            still = targets & dead
            if targets and not [pop for pop in still if not await asyncio.to_thread(is_back, pop)]:
                return time.monotonic() - began_s
            await asyncio.sleep(PAUSE_S)
        return float("inf")

    async def _call(self, address: str) -> float | None:
        """When it was answered."""
        answered_s: list[float] = []

        def on_step(step: Step) -> None:
            if isinstance(step.message, Response) and step.message.status == 200 and not answered_s:
                answered_s.append(time.monotonic())

        call = place_call(self._order, proxy=Flow(address, 5060, self._transport), from_address=LISTED, on_step=on_step)
        try:
            async with asyncio.timeout(ATTEMPT_LIMIT_S):
                await call
        except (TimeoutError, OSError):
            pass  # the next target's turn
        return answered_s[0] if answered_s else None

    async def _ask(self, name: str, kind: str) -> list[dns.rrset.RRset]:
        for host, port in tuple(self._name_servers):
            try:
                response = await dns.asyncquery.udp(dns.message.make_query(name, kind), host, port=port, timeout=DNS_LIMIT_S)
            except (dns.exception.DNSException, OSError):
                continue  # that server is down: the next one's turn, as a resolver does
            # And as a resolver does, the one that answered is asked first from now on.
            self._name_servers.sort(key=lambda each: each != (host, port))
            return list(response.answer)
        return []
