"""Several peers of one kind, one of which answers: nearest first, another region's where it does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import grpc
import grpc.aio

from trunkline.runtime.grpc_client import DEADLINE_S, open_channel
from trunkline.runtime.logs import logger
from trunkline.runtime.tls import TlsSettings

SHUNNED_S = 5.0
"""So long an address that did not answer comes last: a frozen peer costs one deadline now and then, not at every call."""

TRY_S = 1.0
"""Of one address where the caller says nothing else."""

_ELSEWHERE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})

T = TypeVar("T")


class PeerPool:
    """A channel an address, connected when it is used. Only for calls that may be made twice. `close` it at the end."""

    def __init__(self, addresses: Sequence[str], *, tls: TlsSettings, peer: str, now: Callable[[], float] = time.monotonic) -> None:
        """`addresses`: the nearest first. `peer` is the kind that must answer. OSError where the certificate cannot be read."""
        if not addresses:
            raise ValueError(f"a pool of {peer} without an address")
        self.addresses = tuple(addresses)
        self._peer = peer
        self._now = now
        self._channels = {address: open_channel(address, tls=tls, peer=peer, deadline_s=DEADLINE_S) for address in self.addresses}
        self._shunned: dict[str, float] = {}
        self._log = logger("pool")

    async def ask(self, ask: Callable[[grpc.aio.Channel], Awaitable[T]], *, try_s: float = TRY_S) -> T:
        """The answer of the first that gives one, each having `try_s`. Raises the last one's AioRpcError, and any that is a real answer."""
        ordered = self._ordered()
        last: grpc.aio.AioRpcError | None = None
        for address in ordered:
            try:
                async with asyncio.timeout(try_s):
                    answer = await ask(self._channels[address])
            except TimeoutError:
                last = _too_late(self._peer, address, try_s)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _ELSEWHERE:
                    raise
                last = error
            else:
                self._shunned.pop(address, None)
                return answer
            if address not in self._shunned:
                self._log.info("another one is asked", peer=self._peer, address=address, why=last.details())
            self._shunned[address] = self._now() + SHUNNED_S
        assert last is not None
        raise last

    def _ordered(self) -> list[str]:
        now_s = self._now()
        return sorted(self.addresses, key=lambda address: self._shunned.get(address, 0.0) > now_s)

    async def close(self) -> None:
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))


def _too_late(peer: str, address: str, limit_s: float) -> grpc.aio.AioRpcError:
    text = f"{peer} at {address} did not answer within {limit_s} s"
    empty = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, empty, empty, details=text)
