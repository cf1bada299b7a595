"""Facts of calls → accusations, by the facts as edges write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trunkline.api.events.v1 import call_pb2
from trunkline.auth.watching import ATTEMPTS_LIMIT, Watcher
from trunkline.domain.bans import Ban, Suspicion

NOW_NS = 1_795_000_000_000_000_000
STRANGER = "192.0.2.7:5060"
PROVED = {"source": STRANGER, "is_source_proved": True}
RIGHT = {**PROVED, "acl": "IN", "digest_algorithm": "MD5"}


class Bench:
    """A watcher of a platform whose domain `acme` lists 198.51.100.9."""

    def __init__(self) -> None:
        self.bans: list[Ban] = []
        self.watcher = Watcher(Suspicion("auth-eu"), lambda host, source: (host, source) == ("acme", "198.51.100.9"), self.bans.append)
        self._calls = 0

    def tell(self, *facts: dict[str, Any], lines: bytes = b"") -> None:
        lines += b"".join(json.dumps({"time_ns": NOW_NS, **fact}, separators=(",", ":")).encode() + b"\n" for fact in facts)
        self.watcher.read(call_pb2.CallFactBatch(lines=lines).SerializeToString())

    def refused(self, source: str = STRANGER, host: str = "acme", reason: str = "T204", times: int = 25, *, is_proved: bool = True) -> None:
        for _ in range(times):
            self._calls += 1
            call = f"{self._calls:032x}"
            attempted = {"host": host, "source": source, "is_source_proved": is_proved}
            self.tell({"call": call, "attempted": attempted}, {"call": call, "refused": {"status": 403, "reason": reason}})


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_wrong_credentials_of_a_stranger_lead_to_one_ban(bench: Bench) -> None:
    bench.refused()
    assert [(ban.cidr, ban.reason) for ban in bench.bans] == [("192.0.2.7/32", "wrong credentials")]
    bench.refused("[2001:db8::9]:5061")
    assert bench.bans[-1].cidr == "2001:db8::/64"


def test_what_is_no_guessing_is_not_held_against_anybody(bench: Bench) -> None:
    bench.refused(reason="T203")
    bench.refused(reason="T401")
    bench.refused("198.51.100.9:5060")
    assert not bench.bans
    bench.refused("198.51.100.9:5060", host="globex")
    assert [ban.cidr for ban in bench.bans] == ["198.51.100.9/32"], "another domain does not list it"


def test_an_admitted_digest_spares_its_source_and_an_admitted_address_does_not_count_as_one(bench: Bench) -> None:
    bench.tell({"call": "a", "attempted": {"host": "acme", **RIGHT}})
    bench.refused()
    assert not bench.bans


def test_right_credentials_under_an_invented_source_spare_nobody(bench: Bench) -> None:
    """Whoever has an account here could keep any scanner from being banned."""
    bench.tell({"call": "a", "attempted": {"host": "acme", **RIGHT, "is_source_proved": False}})
    bench.refused()
    assert [ban.cidr for ban in bench.bans] == ["192.0.2.7/32"]


def test_right_credentials_over_a_connection_spare_whatever_the_edge_says_of_its_proof(bench: Bench) -> None:
    bench.tell({"call": "a", "attempted": {"host": "acme", **RIGHT, "is_source_proved": False, "transport": "tls"}})
    bench.refused()
    assert not bench.bans


def test_an_admitted_digest_is_told_to_the_other_regions(bench: Bench) -> None:
    told: list[tuple[str, float]] = []
    bench.watcher = Watcher(Suspicion("auth-eu"), lambda host, source: False, bench.bans.append, lambda *word: told.append(word))
    for call in ("a", "b"):
        bench.tell({"call": call, "attempted": {"host": "acme", **RIGHT}})
    bench.tell({"call": "c", "attempted": {"host": "acme", "source": "192.0.2.9:5060", "acl": "IN"}})
    assert told == [("192.0.2.7/32", NOW_NS / 1e9)]


def test_a_retransmission_is_no_other_guess(bench: Bench) -> None:
    call = {"call": "f" * 32}
    for _ in range(100):
        bench.tell({**call, "attempted": {"host": "acme", **PROVED}}, {**call, "refused": {"reason": "T204"}})
    assert not bench.bans


@pytest.mark.parametrize(("what", "most"), [("unknown domain", 99), ("malformed", 99), ("scan", 399)])
def test_what_scanners_send_is_counted_by_the_minute(bench: Bench, what: str, most: int) -> None:
    bench.tell({"counted": {"source": "192.0.2.8", "what": what, "number": 5000, "proved": most}})
    bench.tell({"counted": {"source": "others", "what": what, "number": 5000}})
    bench.tell({"counted": {"source": "192.0.2.8", "what": "challenge", "number": 5000}})
    bench.tell({"counted": {"source": "192.0.2.8", "what": "out of dialog", "number": 5000, "proved": 5000}})
    assert not bench.bans
    bench.tell({"counted": {"source": "192.0.2.8", "what": what, "number": 2, "proved": 2}})
    assert [(ban.cidr, ban.reason) for ban in bench.bans] == [("192.0.2.8/32", what)]


def test_counts_of_the_minute_of_a_ban_are_of_the_same_offence(bench: Bench) -> None:
    bench.refused(times=100)
    assert len(bench.bans) == 1
    counted = {"source": "192.0.2.7", "what": "scan", "number": 5000, "proved": 5000}
    late_ns = NOW_NS + 50 * 10**9
    bench.tell({"time_ns": late_ns, "counted": {**counted, "minute_ns": late_ns - 60 * 10**9}})
    assert len(bench.bans) == 1
    bench.tell({"time_ns": NOW_NS + 120 * 10**9, "counted": {**counted, "minute_ns": NOW_NS + 60 * 10**9}})
    assert [ban.until_s - ban.issued_s for ban in bench.bans] == [600, 1200]


def test_nobody_is_banned_for_datagrams_that_another_may_have_sent_in_his_name(bench: Bench) -> None:
    bench.refused(is_proved=False, times=500)
    for what in ("unknown domain", "malformed", "scan"):
        bench.tell({"counted": {"source": "192.0.2.7", "what": what, "number": 1_000_000}})
    assert not bench.bans


def test_what_is_no_fact_is_left_out(bench: Bench) -> None:
    bench.watcher.read(b"\xff\xff\xff")
    bench.tell({"call": "a", "refused": {"reason": "T204"}}, lines=b'{"attempted":\n["attempted":]\n{"counted":{}}\n')
    bench.tell({"counted": {"source": "nowhere", "what": "malformed", "number": 500, "proved": 500}})
    assert not bench.bans
    bench.refused()
    assert len(bench.bans) == 1


def test_attempts_that_are_never_refused_do_not_pile_up(bench: Bench) -> None:
    for number in range(ATTEMPTS_LIMIT + 10):
        bench.tell({"call": f"{number}", "attempted": {"host": "acme", **PROVED}})
    for number in range(10, 40):
        bench.tell({"call": f"{number}", "refused": {"reason": "T204"}})
    assert len(bench.bans) == 1, "the latest attempts are known"
