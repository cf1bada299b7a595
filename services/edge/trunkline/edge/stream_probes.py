"""An edge looks at the TCP and TLS listeners of other points of presence: a new connection each time, an OPTIONS, and any answer to it.

A connection that was kept would say that the process lives, not that its customers get in. Certificates are not checked: which authorities
customers trust is not known here, and one that has run out is told by what watches certificates.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Mapping
from typing import Final

from trunkline.domain.pop_health import Sight
from trunkline.domain.pop_streams import STREAM_PING_S
from trunkline.edge.observing import CALL_ID, Address, options

ANSWER_LIMIT_S: Final = 4.0
"""For connection, handshake and answer together."""
ANSWER_LIMIT_BYTES: Final = 8192
_HEAD_END: Final = b"\r\n\r\n"


class StreamObserver:
    """`targets` are addresses by transport and point of presence; `hosts` our own addresses to look from, by whether they are of IPv6."""

    def __init__(self, targets: Mapping[str, Mapping[str, Address]], hosts: Mapping[bool, str], *, every_s: float = STREAM_PING_S) -> None:
        self.sights: dict[str, dict[str, Sight]] = {transport: dict.fromkeys(pops, Sight()) for transport, pops in targets.items()}
        self._targets = targets
        self._hosts = hosts
        self._every_s = every_s
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    async def run(self) -> None:
        """For ever. Probes begin one after another over a round, so that their handshakes do not come all at once."""
        probes = [(transport, pop) for transport, pops in self._targets.items() for pop in pops]
        if not probes:
            return
        async with asyncio.TaskGroup() as group:
            for place, (transport, pop) in enumerate(probes):
                group.create_task(self._look(transport, pop, place * self._every_s / len(probes)), name=f"{transport} of {pop}")

    async def _look(self, transport: str, pop: str, after_s: float) -> None:
        loop = asyncio.get_running_loop()
        next_s = loop.time() + after_s
        while True:
            await asyncio.sleep(max(0.0, next_s - loop.time()))
            next_s = max(next_s, loop.time() - self._every_s) + self._every_s
            is_answered = await self._answers(transport, self._targets[transport][pop])
            self.sights[transport][pop] = self.sights[transport][pop].after(is_answered=is_answered)

    async def _answers(self, transport: str, target: Address) -> bool:
        host = self._hosts.get(":" in target[0])
        if host is None:
            return False
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                tls = self._tls if transport == "tls" else None
                reader, writer = await asyncio.open_connection(*target, ssl=tls, local_addr=(host, 0), limit=ANSWER_LIMIT_BYTES)
                token = secrets.token_hex(8)
                writer.write(options(token, target, writer.get_extra_info("sockname")[:2], transport))
                await writer.drain()
                head = await reader.readuntil(_HEAD_END)
                found = CALL_ID.search(head)
                return head.startswith(b"SIP/2.0 ") and found is not None and found[1].decode() == token
        except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
            return False  # whatever it was: nobody answers there
        finally:
            if writer is not None:
                writer.transport.abort()
