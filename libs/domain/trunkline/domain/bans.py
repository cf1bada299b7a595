"""Whom to ban: what sources did wrong, weighed, against a bucket that drains. Pure; the time is an argument.

A ban covers an address of IPv4 or a /64 of IPv6, which is what one host of IPv6 may draw its addresses from. It holds BAN_FIRST_S and twice
as long each time within MEMORY_S of the last, BAN_LIMIT_S at most. Whose calls are a customer's is not banned: a source that the dialled
domain lists is not accused at all (the caller looks that up), one that lately sent right credentials is spared (`vouch`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final, TypeVar

V = TypeVar("V")

ACCUSATION_LIMIT: Final = 20.0
"""Points at which a source is banned: twenty wrong passwords. Who mistypes one tries a few times an hour."""

DRAIN_PER_S: Final = 20.0 / 300
"""Points forgiven: the whole bucket in five minutes."""

VOUCHED_S: Final = 3600
"""How long right credentials spare an address."""

TOLD_AGAIN_S: Final = VOUCHED_S / 4
"""So often at most the other regions are told of an address that goes on sending right credentials."""

BAN_FIRST_S: Final = 600
BAN_LIMIT_S: Final = 86_400
MEMORY_S: Final = 86_400
"""How long it is remembered that a source was banned."""

ENFORCED_S: Final = 5.0
"""After what led to a ban, by the clocks of edges: by then no edge that is in touch hears its address any more. A fact is at auth, and a
ban at the edges of all regions, within a second each; the rest is for clocks that differ and edges that have much to do. What an address
did until then is of the same offence: it was under way when the ban was issued, and is no reason for another one, twice as long."""

SOURCES_LIMIT: Final = 100_000
"""Sources watched, spared and remembered, each; the longest quiet ones are forgotten first."""

BANS_PER_MINUTE: Final = 600
"""Issued at most: spoofed sources must not fill the stream."""

IPV6_PREFIX: Final = 64

BANS_LIMIT: Final = 100_000
"""That hold at once; an engine takes no more."""

OPERATOR: Final = "operator"

WORDS_LIMIT: Final = 4
"""Automatic bans of one prefix that are remembered beside the one that holds: each was issued later and ends sooner than the one before it,
and each region issues such a one only after a restart, or cut off from the others."""


class Offence(StrEnum):
    WRONG_CREDENTIALS = "wrong credentials"
    UNKNOWN_DOMAIN = "unknown domain"
    MALFORMED = "malformed"
    SCAN = "scan"


POINTS: Final = {Offence.WRONG_CREDENTIALS: 1.0, Offence.UNKNOWN_DOMAIN: 0.2, Offence.MALFORMED: 0.2, Offence.SCAN: 0.05}
"""A name that is not served may be a typing error in a PBX that dials all day: a hundred of them in five minutes are none. Of what tries to
register, four hundred: forty telephones of one office, each twice a minute for ever, are a set-up that nobody has finished."""


@dataclass(frozen=True, slots=True)
class Ban:
    """`cidr` is canonical. Times are Unix seconds. `issuer` is who issued or lifted it: `auth-eu`, or `operator`. A ban that was lifted is
    one that ends when it was issued. `words_that_count` says which of several for the same `cidr` holds."""

    cidr: str
    issued_s: float
    until_s: float
    reason: str
    issuer: str

    @property
    def is_lifted(self) -> bool:
        return self.until_s <= self.issued_s

    @property
    def is_ruling(self) -> bool:
        """An operator's word, a lift above all: what was issued before it counts no more, however long."""
        return self.is_lifted or self.issuer == OPERATOR

    def holds(self, now_s: float) -> bool:
        return now_s < self.until_s

    @property
    def as_ended(self) -> Ban:
        """What is left of a ruling one when its time is over: still nothing counts that was issued before it."""
        return replace(self, until_s=self.issued_s)


def words_that_count(words: Iterable[Ban]) -> tuple[Ban, ...]:
    """Of all that was said about one `cidr`, in whatever order it came; the first is the one that holds until its time.

    The last ruling word, and automatic bans that were issued after it: of all these the one that ends last holds, so that an automatic ban
    of minutes does not end an operator's of days. The others are kept for a ruling word that is still on its way.
    """
    known = sorted(set(words), key=_order, reverse=True)
    ruling = next((word for word in known if word.is_ruling), None)
    automatic: list[Ban] = []
    for word in known:
        is_later = ruling is None or word.issued_s > ruling.issued_s
        if not word.is_ruling and is_later and (not automatic or word.until_s > automatic[-1].until_s):
            automatic.append(word)
    counting = [*automatic[-WORDS_LIMIT:], *([ruling] if ruling is not None else [])]
    return tuple(sorted(counting, key=lambda word: (word.until_s, word.is_ruling), reverse=True))


def _order(ban: Ban) -> tuple[float, float, str]:
    return ban.issued_s, ban.until_s, ban.issuer


def ban_prefix(address: str) -> str:
    """What a ban of this address covers, in CIDR form. ValueError for what is no IP address."""
    parsed = ip_address(address)
    if not isinstance(parsed, IPv4Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    length = 32 if parsed.version == 4 else IPV6_PREFIX
    return str(ip_network((parsed, length), strict=False))


def lifted(cidr: str, now_s: float, issuer: str) -> Ban:
    return Ban(cidr, now_s, now_s, "lifted", issuer)


@dataclass(slots=True)
class _Record:
    points: float = 0.0
    at_s: float = 0.0


class Suspicion:
    """What one watcher holds against each source. Bounded by SOURCES_LIMIT; times may come a little out of order."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._accused: OrderedDict[str, _Record] = OrderedDict()
        self._vouched: OrderedDict[str, float] = OrderedDict()
        self._told: OrderedDict[str, float] = OrderedDict()
        """When others were told so last, or told us."""
        self._banned: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """When it was banned last, and how often."""
        self._minute: tuple[int, int] = (0, 0)
        self.suppressed = 0
        """Bans that BANS_PER_MINUTE kept from being issued."""

    def vouch(self, address: str, now_s: float) -> str | None:
        """It sent right credentials. Gives the prefix where the other watchers are to be told. ValueError as `ban_prefix`."""
        key = ban_prefix(address)
        self._spare(key, now_s)
        if now_s - self._told.get(key, float("-inf")) < TOLD_AGAIN_S:
            return None
        _put(self._told, key, now_s)
        return key

    def hear_vouch(self, cidr: str, time_s: float) -> None:
        """Another watcher, or this one in an earlier run, has seen right credentials of it; `cidr` is what `vouch` gave."""
        self._spare(cidr, time_s)
        _put(self._told, cidr, max(time_s, self._told.get(cidr, time_s)))

    def _spare(self, key: str, time_s: float) -> None:
        _put(self._vouched, key, max(time_s, self._vouched.get(key, time_s)))
        self._accused.pop(key, None)

    def accuse(self, address: str, offence: Offence, now_s: float, *, number: int = 1, began_s: float | None = None) -> Ban | None:
        """Counts, and gives the ban that is due now. `began_s`: where several are told of at once, when the first may have been. ValueError
        as `ban_prefix`."""
        key = ban_prefix(address)
        vouched_s = self._vouched.get(key)
        if vouched_s is not None and now_s - vouched_s < VOUCHED_S:
            return None
        last_s, times = self._banned.get(key, (float("-inf"), 0))
        if (now_s if began_s is None else began_s) < last_s + ENFORCED_S:
            return None
        record = self._accused.get(key) or _Record(at_s=now_s)
        passed_s = max(now_s - record.at_s, 0.0)
        record.points = max(record.points - passed_s * DRAIN_PER_S, 0.0) + number * POINTS[offence]
        record.at_s = max(record.at_s, now_s)
        _put(self._accused, key, record)
        if record.points < ACCUSATION_LIMIT or not self._may_issue(now_s):
            return None
        del self._accused[key]
        times = times + 1 if now_s - last_s < MEMORY_S else 1
        _put(self._banned, key, (now_s, times))
        duration_s = min(BAN_FIRST_S * 2 ** min(times - 1, 16), BAN_LIMIT_S)
        return Ban(key, now_s, now_s + duration_s, str(offence), self._issuer)

    def forgive(self, cidr: str) -> None:
        """Somebody lifted its ban: nothing is held against it any more."""
        self._accused.pop(cidr, None)
        self._banned.pop(cidr, None)

    def _may_issue(self, now_s: float) -> bool:
        minute = int(now_s) // 60
        counted, number = self._minute
        number = number + 1 if counted == minute else 1
        self._minute = (minute, number)
        if number > BANS_PER_MINUTE:
            self.suppressed += 1
            return False
        return True


def _put(kept: OrderedDict[str, V], key: str, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > SOURCES_LIMIT:
        kept.popitem(last=False)
