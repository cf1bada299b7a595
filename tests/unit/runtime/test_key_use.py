"""What a process knows of the use of keys, and how it tells it."""

from __future__ import annotations

import hashlib

import pytest

from trunkline.domain.events import TenantId
from trunkline.domain.scopes import Grant
from trunkline.runtime.authentication import Authenticator, TenantKey, Unauthenticated
from trunkline.runtime.key_use import MAX_KEYS, MAX_OF_MESSAGE, REPEATED_MINUTES, KeyUses, encode_uses, parse_uses

ACME = TenantId("acme")
K1 = TenantKey(ACME, "k1")
NOW_S = 1_800_000_000.0
MINUTE = 30_000_000


class Clock:
    now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def test_a_use_is_told_once_a_minute_and_once_more_for_an_hour() -> None:
    clock = Clock()
    uses = KeyUses(clock)
    uses.note(K1)
    uses.note(K1)
    assert uses.take() == {(ACME, "k1"): MINUTE}
    uses.note(K1)
    assert uses.take() == {}
    clock.now_s += 60
    uses.note(K1)
    assert uses.take() == {(ACME, "k1"): MINUTE + 1}
    assert uses.take(is_repeating=True) == {(ACME, "k1"): MINUTE + 1} and uses.take() == {}
    clock.now_s += 60 * (REPEATED_MINUTES + 1)
    assert uses.take(is_repeating=True) == {}


def test_what_could_not_be_told_is_told_the_next_time() -> None:
    uses = KeyUses(Clock())
    uses.note(K1)
    taken = uses.take()
    uses.give_back(taken)
    assert uses.take() == taken


def test_so_many_keys_are_noted_and_no_more() -> None:
    uses = KeyUses(Clock())
    for number in range(MAX_KEYS + 1):
        uses.note(TenantKey(ACME, str(number)))
    assert len(uses.take()) == MAX_KEYS


def test_uses_are_read_as_they_were_written() -> None:
    uses = {(ACME, f"k{number}"): MINUTE + number for number in range(MAX_OF_MESSAGE + 1)}
    first, second = encode_uses(uses)
    assert {**parse_uses(first), **parse_uses(second)} == uses and len(parse_uses(second)) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'[["acme","k1"]]', b'[["acme","k1","x"]]', b'[["acme","k1",-1]]', b'[[7,"k1",1]]', b"\xff"]
)
def test_what_is_no_list_of_uses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_uses(body)


def test_only_a_key_that_is_good_counts_as_used() -> None:
    noted: list[TenantKey] = []
    keys = {b"good": K1, b"ended": TenantKey(ACME, "k2", Grant(frozenset(), 1))}
    found = {hashlib.sha256(text).digest(): key for text, key in keys.items()}
    authenticator = Authenticator(hashlib.sha256(b"operator").hexdigest(), found.get, on_use=noted.append)
    for text in ("good", "operator", "ended", "nobodys"):
        try:
            authenticator.authenticate([("authorization", f"Bearer {text}")], None)
        except Unauthenticated:
            continue
    assert noted == [K1]
