"""An edge looks at the TCP and TLS listeners of other points of presence: a new connection each time, an OPTIONS, and any answer to it.

A connection that was kept would say that the process lives, not that its customers get in. Certificates are not checked: which authorities
customers trust is not known here, and one that has run out is told by what watches certificates. None of our own is shown either, so that
an edge without certificates looks as well as others do.

What this edge lacks itself says nothing of whom it looks at: without an address of the target's family, a route, a free port or a cipher it
has no sight of it, and does not vote.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import ssl
from collections.abc import Mapping
from typing import Final

from trunkline.domain.pop_health import Sight
from trunkline.domain.pop_streams import STREAM_PING_S
from trunkline.edge.observing import CALL_ID, Address, options
from trunkline.runtime.logs import logger

ANSWER_LIMIT_S: Final = 4.0
"""For connection, handshake and answer together."""
ANSWER_LIMIT_BYTES: Final = 8192
_HEAD_END: Final = b"\r\n\r\n"
_OUR_LACK: Final = frozenset(
    {
        errno.EADDRNOTAVAIL,
        errno.EINVAL,
        errno.EAFNOSUPPORT,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EACCES,
        errno.EPERM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
    }
)
"""Of `bind` and `connect`; EINVAL is an address of ours that leads nowhere but to this machine. Not EHOSTUNREACH, which a router near the
target says of it as well."""
_OUR_TLS_LACK: Final = frozenset({"NO_CIPHERS_AVAILABLE", "NO_PROTOCOLS_AVAILABLE"})
"""Reasons of OpenSSL before anything is sent."""
_log = logger("observing")


class CannotLook(Exception):
    """It is this edge that lacks something; the text says what."""


class StreamObserver:
    """`targets` are addresses by transport and point of presence; `hosts` our own addresses to look from, by whether they are of IPv6."""

    def __init__(self, targets: Mapping[str, Mapping[str, Address]], hosts: Mapping[bool, str], *, every_s: float = STREAM_PING_S) -> None:
        self.sights: dict[str, dict[str, Sight]] = {transport: dict.fromkeys(pops, Sight()) for transport, pops in targets.items()}
        self._targets = targets
        self._hosts = hosts
        self._every_s = every_s
        self._blind: set[tuple[str, str]] = set()
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
            is_answered = await self._answers(transport, pop)
            before = self.sights[transport][pop]
            self.sights[transport][pop] = Sight() if is_answered is None else before.after(is_answered=is_answered)

    async def _answers(self, transport: str, pop: str) -> bool | None:
        """None: we cannot look, which is said once as long as it lasts."""
        target = self._targets[transport][pop]
        try:
            found = await self._look_once(transport, target)
        except CannotLook as error:
            if (transport, pop) not in self._blind:
                _log.warning("cannot look at a point of presence, and does not vote on it", pop=pop, transport=transport, why=str(error))
            self._blind.add((transport, pop))
            return None
        self._blind.discard((transport, pop))
        return found

    async def _look_once(self, transport: str, target: Address) -> bool:
        """Whether it answers. Raises CannotLook."""
        host = self._hosts.get(":" in target[0])
        if host is None:
            raise CannotLook(f"this edge listens at no address of IPv{6 if ':' in target[0] else 4}")
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
        except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError) as error:
            if writer is None and _is_our_lack(error):
                raise CannotLook(str(error)) from error
            return False  # whatever else it was: nobody answers there
        finally:
            if writer is not None:
                writer.transport.abort()


def _is_our_lack(error: Exception) -> bool:
    if isinstance(error, ssl.SSLError):
        return error.reason in _OUR_TLS_LACK
    return isinstance(error, OSError) and error.errno in _OUR_LACK
