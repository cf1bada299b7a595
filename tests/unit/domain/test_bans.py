"""Whom to ban, and what is known about bans."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain import ban_book, bans
from trunkline.domain.ban_book import BanBook
from trunkline.domain.bans import (
    ACCUSATION_LIMIT,
    BAN_FIRST_S,
    BAN_LIMIT_S,
    BANS_PER_MINUTE,
    ENFORCED_S,
    MEMORY_S,
    VOUCHED_S,
    Ban,
    Offence,
    Suspicion,
    ban_prefix,
    lifted,
    words_that_count,
)

NOW_S = 1_795_000_000.0
SOURCE = "192.0.2.7"


def guess(suspicion: Suspicion, times: int, at_s: float = NOW_S, source: str = SOURCE, every_s: float = 0.1) -> Ban | None:
    """The first ban that wrong passwords lead to."""
    found = None
    for number in range(times):
        ban = suspicion.accuse(source, Offence.WRONG_CREDENTIALS, at_s + number * every_s)
        found = found or ban
    return found


@pytest.mark.parametrize(
    ("address", "cidr"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_a_ban_covers_an_address_of_ipv4_and_a_64_of_ipv6(address: str, cidr: str) -> None:
    assert ban_prefix(address) == cidr


def test_guessing_passwords_is_banned_and_longer_each_time() -> None:
    suspicion = Suspicion("auth-eu")
    assert guess(suspicion, int(ACCUSATION_LIMIT) - 1, every_s=0) is None
    first = suspicion.accuse(SOURCE, Offence.WRONG_CREDENTIALS, NOW_S)
    assert first == Ban("192.0.2.7/32", NOW_S, NOW_S + BAN_FIRST_S, "wrong credentials", "auth-eu")
    durations = []
    at_s = NOW_S
    for _ in range(10):
        at_s += BAN_FIRST_S
        again = guess(suspicion, 40, at_s)
        assert again is not None
        durations.append(again.until_s - again.issued_s)
    assert durations[:3] == [2 * BAN_FIRST_S, 4 * BAN_FIRST_S, 8 * BAN_FIRST_S] and durations[-1] == BAN_LIMIT_S
    later = guess(suspicion, 40, at_s + MEMORY_S + 60)
    assert later is not None and later.until_s - later.issued_s == BAN_FIRST_S


def test_one_burst_of_guessing_is_one_offence_and_gets_one_ban() -> None:
    suspicion = Suspicion("auth-eu")
    bans_of_it = [ban for n in range(100) if (ban := suspicion.accuse(SOURCE, Offence.WRONG_CREDENTIALS, NOW_S + n * 0.04)) is not None]
    [first] = bans_of_it
    assert first.until_s - first.issued_s == BAN_FIRST_S
    # Facts that an edge was late to tell.
    assert guess(suspicion, 100, first.issued_s - 60, every_s=0.5) is None
    # Counts of a minute that had begun before it.
    counted_s = first.issued_s + 40
    assert suspicion.accuse(SOURCE, Offence.SCAN, counted_s, number=5000, began_s=counted_s - 60) is None
    assert guess(suspicion, int(ACCUSATION_LIMIT) - 1, counted_s, every_s=0) is None, "nothing of it is held against it"


def test_guessing_that_goes_on_after_a_ban_is_enforced_is_a_repeat() -> None:
    suspicion = Suspicion("auth-eu")
    assert guess(suspicion, 20, every_s=0) is not None
    again = guess(suspicion, 20, NOW_S + ENFORCED_S, every_s=0)
    assert again is not None and again.until_s - again.issued_s == 2 * BAN_FIRST_S
    counted = suspicion.accuse(SOURCE, Offence.SCAN, NOW_S + 120, number=5000, began_s=NOW_S + 60)
    assert counted is not None and counted.until_s - counted.issued_s == 4 * BAN_FIRST_S


def test_who_mistypes_now_and_then_is_not_banned() -> None:
    assert guess(Suspicion("a"), 1000, every_s=20) is None


def test_names_that_are_not_served_count_less() -> None:
    suspicion = Suspicion("a")
    assert suspicion.accuse(SOURCE, Offence.UNKNOWN_DOMAIN, NOW_S, number=99) is None
    assert suspicion.accuse(SOURCE, Offence.UNKNOWN_DOMAIN, NOW_S, number=1) is not None


def test_right_credentials_spare_an_address_for_an_hour() -> None:
    suspicion = Suspicion("a")
    assert guess(suspicion, 15) is None
    suspicion.vouch(SOURCE, NOW_S)
    assert guess(suspicion, 100) is None
    assert guess(suspicion, 100, source="192.0.2.8") is not None
    assert guess(suspicion, 100, NOW_S + VOUCHED_S + 1) is not None


def test_who_sent_right_credentials_elsewhere_or_before_a_restart_is_spared_too() -> None:
    first, second = Suspicion("a"), Suspicion("b")
    cidr = first.vouch(SOURCE, NOW_S)
    assert cidr == "192.0.2.7/32"
    assert guess(second, 15) is None
    second.hear_vouch(cidr, NOW_S)
    assert guess(second, 100) is None
    assert guess(second, 100, NOW_S + VOUCHED_S + 1) is not None
    # An older word does not shorten what is known.
    first.hear_vouch(cidr, NOW_S - VOUCHED_S)
    assert guess(first, 100, NOW_S + VOUCHED_S - 60) is None


def test_others_are_told_of_right_credentials_now_and_then_and_not_each_time() -> None:
    suspicion = Suspicion("a")
    told = [suspicion.vouch(SOURCE, NOW_S + 60 * minute) is not None for minute in range(60)]
    assert [minute for minute, is_told in enumerate(told) if is_told] == [0, 15, 30, 45]
    heard = Suspicion("b")
    heard.hear_vouch("192.0.2.7/32", NOW_S)
    assert heard.vouch(SOURCE, NOW_S + 60) is None, "all know it"


def test_what_was_lifted_is_forgotten() -> None:
    suspicion = Suspicion("a")
    assert guess(suspicion, 40) is not None
    suspicion.forgive("192.0.2.7/32")
    again = guess(suspicion, 40, NOW_S + 10)
    assert again is not None and again.until_s - again.issued_s == BAN_FIRST_S


def test_spoofed_sources_cannot_fill_the_stream() -> None:
    suspicion = Suspicion("a")
    issued = [suspicion.accuse(f"10.0.{n >> 8}.{n & 255}", Offence.MALFORMED, NOW_S, number=1000) for n in range(BANS_PER_MINUTE + 50)]
    assert sum(ban is not None for ban in issued) == BANS_PER_MINUTE and suspicion.suppressed == 50
    assert suspicion.accuse("10.9.9.9", Offence.MALFORMED, NOW_S + 60, number=1000) is not None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bans, "SOURCES_LIMIT", 3)
    suspicion = Suspicion("a")
    for last in range(5):
        guess(suspicion, 19, source=f"192.0.2.{last}", every_s=0)
    # Those of the last three are remembered.
    assert [guess(suspicion, 1, source=f"192.0.2.{last}") is not None for last in (4, 3, 2)] == [True] * 3
    assert guess(suspicion, 1, source="192.0.2.0") is None


@given(st.permutations(range(6)), st.data())
def test_the_word_that_was_issued_last_holds_in_whatever_order_words_come(order: list[int], data: st.DataObject) -> None:
    words = [
        Ban("192.0.2.7/32", NOW_S, NOW_S + 600, "wrong credentials", "auth-eu"),
        Ban("192.0.2.7/32", NOW_S, NOW_S + 600, "wrong credentials", "auth-us"),
        lifted("192.0.2.7/32", NOW_S + 10, "operator"),
        Ban("192.0.2.7/32", NOW_S + 20, NOW_S + 1220, "wrong credentials", "auth-us"),
        Ban("198.51.100.0/24", NOW_S, NOW_S + 60, "scan", "operator"),
        lifted("198.51.100.0/24", NOW_S + 5, "operator"),
    ]
    told: dict[str, Ban] = {}
    book = BanBook(lambda changed: told.update({ban.cidr: ban for ban in changed}))
    for index in order:
        book.take([words[index]], NOW_S + 30)
        if data.draw(st.booleans()):
            book.sweep(NOW_S + 30)
    assert book.holding(NOW_S + 30) == [words[3]]
    assert told["192.0.2.7/32"] == words[3] and not ("198.51.100.0/24" in told and told["198.51.100.0/24"].holds(NOW_S + 30)), (
        "whoever is told enforces what holds"
    )


WEEK_S = 7 * 86_400
CIDR = "192.0.2.7/32"
OPERATORS = Ban(CIDR, NOW_S, NOW_S + WEEK_S, "abuse", "operator")
LATER = Ban(CIDR, NOW_S + 20, NOW_S + 620, "malformed", "auth-eu")
"""An automatic one."""


@given(st.permutations([OPERATORS, LATER, replace(LATER, issuer="auth-us", issued_s=NOW_S + 30, until_s=NOW_S + 630)]))
def test_an_automatic_ban_does_not_shorten_an_operators(words: list[Ban]) -> None:
    told: list[Ban] = []
    book = BanBook(told.extend)
    for word in words:
        book.take([word], NOW_S + 40)
    assert book.holding(NOW_S + 40) == [OPERATORS] and told[-1] == OPERATORS
    book.sweep(NOW_S + 700)
    assert book.holding(NOW_S + 700) == [OPERATORS] and told[-1] == OPERATORS


def test_a_longer_automatic_ban_replaces_a_shorter_one_and_no_shorter_one_a_longer() -> None:
    book = BanBook()
    for issued_s, until_s, ends_s in ((0, 1200, 1200), (10, 610, 1200), (20, 2420, 2420)):
        book.take([Ban(CIDR, NOW_S + issued_s, NOW_S + until_s, "scan", "auth-eu")], NOW_S + 30)
        assert [ban.until_s for ban in book.holding(NOW_S + 30)] == [NOW_S + ends_s]


SHORTENED = Ban(CIDR, NOW_S + 30, NOW_S + 90, "less will do", "operator")
WORDS = [OPERATORS, LATER, SHORTENED, lifted(CIDR, NOW_S + 10, "operator"), lifted(CIDR, NOW_S + 5, "operator")]


@given(st.lists(st.sampled_from(WORDS), unique=True), st.data())
def test_whatever_order_words_come_in_all_hold_the_same_ban(words: list[Ban], data: st.DataObject) -> None:
    """Of the last that an operator said and what auth found afterwards."""
    books = BanBook(), BanBook()
    for book, order in zip(books, (words, data.draw(st.permutations(words))), strict=True):
        for word in order:
            book.take([word], NOW_S + 40)
            if data.draw(st.booleans()):
                book.sweep(NOW_S + 40)
    assert books[0].holding(NOW_S + 40) == books[1].holding(NOW_S + 40)


def test_an_operator_may_shorten_a_ban_and_it_stays_short_though_the_longer_one_is_read_again() -> None:
    told: list[Ban] = []
    book = BanBook(told.extend)
    book.take([OPERATORS, LATER, SHORTENED], NOW_S + 40)
    assert book.holding(NOW_S + 40) == [SHORTENED]
    book.sweep(NOW_S + 100)
    assert not book.holding(NOW_S + 100) and told[-1] == SHORTENED
    book.take([OPERATORS, LATER, SHORTENED], NOW_S + 100)
    assert not book.holding(NOW_S + 100)
    # Who starts only then reads all of them.
    started = BanBook()
    started.take([OPERATORS, SHORTENED, LATER], NOW_S + 100)
    assert not started.holding(NOW_S + 100)
    book.sweep(NOW_S + 200)
    assert told[-1] == SHORTENED, "its end is told once"
    again = Ban(CIDR, NOW_S + 110, NOW_S + 710, "wrong credentials", "auth-eu")
    book.take([again], NOW_S + 120)
    assert book.holding(NOW_S + 120) == [again]


def test_an_operators_ban_that_ended_unheard_is_told_as_ended_and_not_as_lifted() -> None:
    """Whoever is lifted is forgiven, and his next offence is a first one."""
    told: list[Ban] = []
    BanBook(told.extend).take([SHORTENED], NOW_S + 1_000)
    assert told == [SHORTENED] and not told[0].is_lifted


def test_a_lift_ends_what_an_operator_and_auth_have_issued() -> None:
    book = BanBook()
    book.take([OPERATORS, LATER], NOW_S + 40)
    assert book.last_issued_s(CIDR) == LATER.issued_s
    book.take([lifted(CIDR, NOW_S + 41, "operator")], NOW_S + 41)
    book.take([OPERATORS, LATER], NOW_S + 42)
    assert not book.holding(NOW_S + 42)
    word = book.word(CIDR)
    assert word is not None and word.is_lifted


def test_what_is_remembered_of_one_prefix_is_bounded() -> None:
    words = [Ban(CIDR, NOW_S + n, NOW_S + 1000 - n, "scan", "auth-eu") for n in range(100)]
    assert words_that_count([OPERATORS, *words]) == (OPERATORS, *words[1 : bans.WORDS_LIMIT + 1])
    assert words_that_count(words)[0] == words[0]


def test_bans_that_end_are_told_and_forgotten() -> None:
    told: list[Ban] = []
    book = BanBook(told.extend)
    ban = Ban("192.0.2.7/32", NOW_S, NOW_S + 60, "x", "a")
    book.take([ban, Ban("192.0.2.8/32", NOW_S - 90, NOW_S - 30, "over", "a")], NOW_S)
    assert told == [ban]
    book.sweep(NOW_S + 59)
    assert told == [ban]
    book.sweep(NOW_S + 60)
    assert told == [ban, ban] and not book.holding(NOW_S)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("192.0.2.7", {"192.0.2.7/32", "192.0.2.0/24"}),
        ("192.0.2.0/24", {"192.0.2.0/24"}),
        ("2001:db8::5", {"2001:db8::/64"}),
        ("198.51.100.1", set()),
    ],
)
def test_bans_are_found_by_an_address_that_they_cover(asked: str, found: set[str]) -> None:
    book = BanBook()
    book.take([Ban(cidr, NOW_S, NOW_S + 9, "", "a") for cidr in ("192.0.2.7/32", "192.0.2.0/24", "2001:db8::/64")], NOW_S)
    assert {ban.cidr for ban in book.covering(asked, NOW_S)} == found


def test_the_book_is_bounded_and_lets_go_what_ends_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ban_book, "BANS_LIMIT", 2)
    told: list[Ban] = []
    book = BanBook(told.extend)
    words = [Ban(f"192.0.2.{n}/32", NOW_S, NOW_S + 100 + n, "", "a") for n in range(3)]
    for word in words:
        book.take([word], NOW_S)
    assert {ban.cidr for ban in book.holding(NOW_S)} == {"192.0.2.1/32", "192.0.2.2/32"}
    assert told[-1].cidr == "192.0.2.0/32" and not told[-1].holds(NOW_S)
