"""Who is let in to ask, and how often."""

from __future__ import annotations

import pytest

from trunkline.rest.gate import Gate
from trunkline.rest.problems import Refused
from trunkline.runtime.buckets import MAX_NAMES, Buckets

HERE, THERE = "192.0.2.1", "192.0.2.2"


def gate(key_burst: int = 100) -> Gate:
    return Gate(Buckets(1.0, key_burst), Buckets(0.1, 3))


def refusal(of: Gate, authorization: str, source: str, now_s: float) -> Refused:
    with pytest.raises(Refused) as caught:
        of.enter(authorization, source, now_s)
    return caught.value


def test_a_bucket_gives_its_burst_and_then_one_at_a_time() -> None:
    buckets = Buckets(2.0, 3)
    assert [buckets.take("a", 10.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b", 10.0) == 0 and buckets.take("a", 10.4) == pytest.approx(0.1)
    assert buckets.take("a", 10.5) == 0
    assert [buckets.take("a", 100.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_buckets_are_bounded_and_forget_who_was_not_heard_of_for_longest() -> None:
    buckets = Buckets(1.0, 1)
    for number in range(MAX_NAMES + 1):
        buckets.take(str(number), 0.0)
    assert buckets.take("0", 0.0) == 0 and buckets.take(str(MAX_NAMES), 0.0) == 1.0


def test_a_key_that_asks_too_often_is_told_when_to_come_back() -> None:
    asked = gate(key_burst=2)
    assert [asked.enter("Bearer tk_a", HERE, 5.0) for _ in range(2)] == ["tk_a", "tk_a"]
    refused = refusal(asked, "Bearer tk_a", THERE, 5.0)
    assert (refused.problem.reason, refused.retry_s) == ("RATE_EXCEEDED", 1.0)
    assert asked.enter("Bearer tk_b", HERE, 5.0) == "tk_b"


def test_a_source_that_guesses_keys_is_not_heard_for_a_while() -> None:
    asked = gate()
    for number in range(3):
        asked.failed(asked.enter(f"Bearer tk_{number}", HERE, 0.0), HERE, 0.0)
    assert refusal(asked, "Bearer tk_4", HERE, 0.0).problem.reason == "TOO_MANY_FAILED_LOGINS"
    assert refusal(asked, "Bearer tk_4", HERE, 0.0).retry_s == pytest.approx(10.0)
    assert asked.enter("Bearer tk_4", THERE, 0.0) and asked.enter("Bearer tk_4", HERE, 10.0)


def test_who_brings_no_key_is_counted_as_a_guess() -> None:
    asked = gate()
    for header in ("", "Basic b3A=", "Bearer a b"):
        assert refusal(asked, header, HERE, 0.0).problem.reason == "NO_VALID_API_KEY"
    assert refusal(asked, "", HERE, 0.0).problem.reason == "TOO_MANY_FAILED_LOGINS"


def test_a_key_that_was_good_is_heard_where_others_guess_until_it_is_good_no_more() -> None:
    asked = gate()
    asked.succeeded(asked.enter("Bearer tk_good", HERE, 0.0))
    for number in range(3):
        asked.failed(f"tk_{number}", HERE, 0.0)
    assert asked.enter("Bearer tk_good", HERE, 0.0) == "tk_good"
    asked.failed("tk_good", HERE, 0.0)
    assert refusal(asked, "Bearer tk_good", HERE, 0.0).problem.reason == "TOO_MANY_FAILED_LOGINS"


def test_a_network_of_ipv6_is_one_source() -> None:
    asked = gate()
    for number in range(3):
        asked.failed(f"tk_{number}", f"2001:db8:0:1::{number}", 0.0)
    assert refusal(asked, "Bearer tk_4", "2001:db8:0:1::4", 0.0).problem.reason == "TOO_MANY_FAILED_LOGINS"
    assert asked.enter("Bearer tk_4", "2001:db8:0:2::4", 0.0)
