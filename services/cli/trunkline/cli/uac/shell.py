"""The wire and the clock around an OutgoingCall."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from trunkline.cli.uac.call import Outcome, OutgoingCall, Send, State, Step
from trunkline.cli.uac.messages import Order
from trunkline.cli.uac.wires import TlsOptions, wire_to
from trunkline.lab.sip.flow import Flow

LINGER_S = 0.5
"""T1: long enough to acknowledge once more what is repeated because an ACK was lost."""


@dataclass(frozen=True, slots=True)
class PlacedCall:
    call_id: str
    outcome: Outcome
    steps: tuple[Step, ...]


async def place_call(
    order: Order,
    *,
    proxy: Flow,
    from_address: str = "",
    tls: TlsOptions | None = None,
    hang_up: asyncio.Event | None = None,
    on_step: Callable[[Step], None] = lambda _: None,
) -> PlacedCall:
    """Places the call and returns when it is over.

    `from_address` is the own IP address, empty: the system's choice. `tls` says whom to believe over TLS. Setting `hang_up` sends CANCEL or
    BYE. `on_step` is told each message at once. Raises OSError where the own address cannot be used.
    """
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    told = 0

    def flush(sends: list[Send]) -> None:
        nonlocal told
        for send in sends:
            wire.send(send.data, send.to)
        while told < len(call.steps):
            on_step(call.steps[told])
            told += 1
        changed.set()

    def received(data: bytes) -> None:
        flush(call.receive(data, loop.time()))

    def failed(error: Exception) -> None:
        call.unreachable(f"{proxy.host} port {proxy.port}/{proxy.transport}: {error}")
        changed.set()

    wire = wire_to(proxy, from_address, tls, received, failed)
    call = OutgoingCall(order, proxy=proxy, local=wire.local, make_token=lambda: secrets.token_hex(8))
    watcher: asyncio.Future[None] | None = None
    try:
        try:
            await wire.connect()
            flush(call.start(loop.time()))
        except OSError as error:
            failed(error)
        watcher = asyncio.ensure_future(_hang_up_when_set(hang_up, lambda: flush(call.hang_up(loop.time())))) if hang_up else None
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
        wire.close()
        if watcher is not None:
            watcher.cancel()
    assert call.outcome is not None
    return PlacedCall(call.call_id, call.outcome, tuple(call.steps))


async def _hang_up_when_set(event: asyncio.Event, action: Callable[[], None]) -> None:
    await event.wait()
    action()
