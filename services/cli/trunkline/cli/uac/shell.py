"""The socket and the clock around an OutgoingCall."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from trunkline.cli.uac.call import Address, Outcome, OutgoingCall, Send, State, Step
from trunkline.cli.uac.messages import Order

LINGER_S = 0.5
"""T1: long enough to acknowledge once more what is repeated because an ACK was lost."""


@dataclass(frozen=True, slots=True)
class PlacedCall:
    call_id: str
    outcome: Outcome
    steps: tuple[Step, ...]


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, on_data: Callable[[bytes], None], on_error: Callable[[Exception], None]) -> None:
        self._on_data = on_data
        self._on_error = on_error

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self._on_data(data)

    def error_received(self, exc: Exception) -> None:
        self._on_error(exc)


async def place_call(
    order: Order,
    *,
    proxy: Address,
    from_address: str = "",
    hang_up: asyncio.Event | None = None,
    on_step: Callable[[Step], None] = lambda _: None,
) -> PlacedCall:
    """Places the call over UDP and returns when it is over.

    `from_address` is the own IP address, empty: the system's choice. Setting `hang_up` sends CANCEL or BYE. `on_step` is told each message
    at once. Raises OSError where the own address cannot be used.
    """
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in proxy[0] else socket.AF_INET
    own = socket.socket(family, socket.SOCK_DGRAM)
    try:
        own.setblocking(False)
        own.bind((from_address or _route_to(proxy, family), 0))
    except OSError as error:
        own.close()
        raise OSError(error.errno, f"cannot send from {from_address or 'this machine'} to {proxy[0]}: {error.strerror}") from error
    local = own.getsockname()
    call = OutgoingCall(order, proxy=proxy, local=(local[0], local[1]), make_token=lambda: secrets.token_hex(8))
    changed = asyncio.Event()
    told = 0

    def flush(sends: list[Send]) -> None:
        nonlocal told
        for send in sends:
            transport.sendto(send.data, send.to)
        while told < len(call.steps):
            on_step(call.steps[told])
            told += 1
        changed.set()

    def received(data: bytes) -> None:
        flush(call.receive(data, loop.time()))

    def failed(error: Exception) -> None:
        call.unreachable(f"{proxy[0]} port {proxy[1]}: {error}")
        changed.set()

    transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(received, failed), sock=own)
    watcher = asyncio.ensure_future(_hang_up_when_set(hang_up, lambda: flush(call.hang_up(loop.time())))) if hang_up else None
    try:
        flush(call.start(loop.time()))
        over_s: float | None = None
        while over_s is None or loop.time() < over_s + LINGER_S:
            if call.state is State.OVER and over_s is None:
                over_s = loop.time()
            changed.clear()
            wake_s = call.next_wake_s() if over_s is None else min(call.next_wake_s() or over_s + LINGER_S, over_s + LINGER_S)
            try:
                async with asyncio.timeout_at(wake_s):
                    await changed.wait()
            except TimeoutError:
                flush(call.wake(loop.time()))
    finally:
        transport.close()
        if watcher is not None:
            watcher.cancel()
    assert call.outcome is not None
    return PlacedCall(call.call_id, call.outcome, tuple(call.steps))


async def _hang_up_when_set(event: asyncio.Event, action: Callable[[], None]) -> None:
    await event.wait()
    action()


def _route_to(proxy: Address, family: int) -> str:
    """The address the system would send from; no datagram leaves."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(proxy)
        return str(probe.getsockname()[0])
