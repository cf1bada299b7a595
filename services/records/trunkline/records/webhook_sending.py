"""One HTTP request to an address that a tenant has chosen: to public addresses only, once, and without following anything.

The name is looked up once, and what it gave is what is connected to, so that a name that says something else a moment later leads nowhere
else (DNS rebinding). Nothing of the answer is kept but its status.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import h11

from trunkline.domain.webhooks import Address

LIMIT_S: Final = 10.0
"""Of the whole: look-up, connection, request and answer."""
ANSWER_BYTES: Final = 64 << 10
"""Of an answer's head and what comes with it; the rest is not read."""
HEAD_BYTES: Final = 16 << 10

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and port to IP addresses. OSError where there are none."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_TEREDO: Final = ipaddress.IPv6Network("2001::/32")


class NotTaken(Exception):
    """The request was not taken; the text says why, for the tenant."""


async def resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_allowed(text: str, networks: Sequence[Network] = ()) -> bool:
    """Whether a request may go there: a public unicast address, or one in the operator's `networks`. Addresses of IPv4 in IPv6 are what
    they hold."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if any(address in network for network in networks if network.version == address.version):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_allowed(str(inner), networks)
        if address.is_site_local or address in _TEREDO:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


class Sender:
    """`networks` are the operator's: without TLS requests go there only. `context` believes whom the servers' certificates come from."""

    def __init__(self, networks: Sequence[Network], context: ssl.SSLContext, look_up: Resolve = resolve) -> None:
        self._networks = tuple(networks)
        self._context = context
        self._resolve = look_up

    async def post(self, to: Address, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer. Raises NotTaken where there was none, or the address is no one to send to."""
        try:
            async with asyncio.timeout(LIMIT_S):
                place = await self._place(to)
                return await self._ask(to, place, headers, body)
        except TimeoutError:
            raise NotTaken(f"{to.authority} did not answer within {LIMIT_S:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise NotTaken(f"the certificate of {to.authority} is not to be believed: {error.verify_message}") from error
        except (OSError, h11.ProtocolError, ValueError) as error:
            raise NotTaken(f"{to.authority}: {error}"[:200]) from error

    async def _place(self, to: Address) -> str:
        found = await self._resolve(to.host, to.port)
        allowed = [each for each in found if is_allowed(each, self._networks)]
        if not allowed:
            # Not which: what a name means inside is none of a customer's business.
            raise NotTaken(f"{to.host} has no public address")
        networks = () if to.is_tls else self._networks
        if not to.is_tls and not any(ipaddress.ip_address(allowed[0]) in network for network in networks):
            raise NotTaken("the address must begin with https://")
        return allowed[0]

    async def _ask(self, to: Address, place: str, headers: Mapping[str, str], body: bytes) -> int:
        tls = {"ssl": self._context, "server_hostname": to.host} if to.is_tls else {}
        reader, writer = await asyncio.open_connection(place, to.port, limit=HEAD_BYTES, **tls)  # type: ignore[arg-type]
        try:
            peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
            fixed = {"Host": to.authority, "Content-Length": str(len(body)), "Connection": "close"}
            request = h11.Request(method="POST", target=to.path, headers=list({**fixed, **headers}.items()))
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(peer.send(event) or b"")
            await writer.drain()
            return await _status(reader, peer)
        finally:
            writer.close()


async def _status(reader: asyncio.StreamReader, peer: h11.Connection) -> int:
    read = 0
    while True:
        event = peer.next_event()
        if isinstance(event, h11.Response):
            return event.status_code
        if event is h11.NEED_DATA:
            data = await reader.read(HEAD_BYTES)
            read += len(data)
            if read > ANSWER_BYTES:
                raise ValueError("the answer has no end")
            peer.receive_data(data)
        elif isinstance(event, h11.ConnectionClosed):
            raise ValueError("the connection ended without an answer")
