"""A gateway that has another address is not blamed for what was sent to its old one, nor one that takes no OPTIONS for what it got."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from helpers.engine import ANSWER_LIMIT_S, EngineBench, Peer

from trunkline.domain.directory import Directory
from trunkline.domain.events import PLATFORM, CarrierCreated, Event, GatewayAdded, GatewayChanged, Kind, Position
from trunkline.domain.facts import Fact
from trunkline.edge.gateway_healths import GatewayHealths
from trunkline.edge.gateway_watch import TURN_S, GatewayWatch
from trunkline.runtime.gateway_reports import GatewayReports

KEY = "alpha/one"
TIMEOUT_S = 3.0


class Platform:
    """An edge's watch over one gateway, of an engine on loopback."""

    def __init__(self, bench: EngineBench) -> None:
        self.engine = bench.engine
        self.directory = Directory()
        self.healths = GatewayHealths("edge-eu1", "eu", GatewayReports())
        self.watch = GatewayWatch(self.healths, lambda: self.directory, options_s=0.1, timeout_s=TIMEOUT_S)
        self._position = 0
        self._say(CarrierCreated())

    def add(self, at: Peer) -> None:
        self._say(GatewayAdded("one", *at.address))

    def move(self, to: Peer) -> None:
        self._say(GatewayChanged("one", *to.address))

    def take_no_options(self, at: Peer) -> None:
        host, port = at.address
        self._say(GatewayChanged("one", host, port, takes_no_options=True))

    def turn_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while not is_so():
            assert time.monotonic() < deadline
            self.watch.turn(self.engine, time.time())
            time.sleep(TURN_S)

    def _say(self, event: Event) -> None:
        self._position += 1
        self.directory.apply(Fact(Position(self._position), Kind.CARRIER, PLATFORM, "alpha", event, 1))


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    bench = EngineBench(tmp_path, listen=[("127.0.0.1", 0, "udp")])
    yield Platform(bench)
    bench.close()


@pytest.fixture
def peers() -> Iterator[tuple[Peer, Peer]]:
    both = Peer(), Peer()
    yield both
    for each in both:
        each.close()


def heard(peer: Peer, number: int) -> Callable[[], bool]:
    """Answers nothing until so many OPTIONS have come."""
    came: list[object] = []

    def is_so() -> bool:
        with suppress(TimeoutError):
            came.append(peer.receive(0.001))
        return len(came) >= number

    return is_so


def test_what_was_sent_before_a_move_does_not_count_when_it_fails_afterwards(platform: Platform, peers: tuple[Peer, Peer]) -> None:
    old, new = peers
    platform.add(old)
    platform.turn_until(heard(old, 3))
    # Their time runs out after the move, and nothing has been heard of the new place by then.
    platform.move(new)
    failed_s = time.monotonic() + 2 * TIMEOUT_S

    def answers_at_the_new_place() -> bool:
        with suppress(TimeoutError):
            # All that are there: a machine that stood still has several.
            while True:
                new.answer(new.receive(0.001), "200 OK")
        assert not platform.healths.is_in_doubt(KEY), platform.healths.not_closed
        return time.monotonic() > failed_s

    platform.turn_until(answers_at_the_new_place)


def test_silence_at_the_new_place_counts(platform: Platform, peers: tuple[Peer, Peer]) -> None:
    old, new = peers
    platform.add(old)
    platform.turn_until(heard(old, 1))
    platform.move(new)
    platform.turn_until(lambda: KEY in platform.healths.not_closed)
    assert new.receive().start_line.startswith(f"OPTIONS sip:{new.host_port}")


def test_one_that_options_opened_is_used_again_as_soon_as_it_is_to_be_sent_none(platform: Platform, peers: tuple[Peer, Peer]) -> None:
    gateway, _ = peers
    platform.add(gateway)

    def has_answered() -> bool:
        with suppress(TimeoutError):
            gateway.answer(gateway.receive(0.001), "200 OK")
        health = platform.healths._healths.get(KEY)
        return health is not None and health.has_answered

    platform.turn_until(has_answered)
    platform.turn_until(lambda: KEY in platform.healths.view.passed)
    assert platform.healths.not_closed[KEY].is_by_options
    platform.take_no_options(gateway)
    platform.turn_until(lambda: not platform.healths.view.passed)
    given_up_s = time.monotonic() + 1.5 * TIMEOUT_S

    def stays_well() -> bool:
        # Some OPTIONS are still under way, and given up only now.
        assert not platform.healths.is_in_doubt(KEY), platform.healths.not_closed
        return time.monotonic() > given_up_s

    platform.turn_until(stays_well)
