"""Who is banned, of all that was said about it in all regions. Pure; the time is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from trunkline.domain.bans import BANS_LIMIT, Ban, words_that_count


class BanBook:
    """What counts about each prefix, of all regions (`words_that_count`). At most `BANS_LIMIT` prefixes; of more those are let go that
    end first."""

    def __init__(self, on_change: Callable[[list[Ban]], None] | None = None) -> None:
        """`on_change` is told what holds now where that changed: bans, and lifted or ended ones as bans that do not hold any more."""
        self._words: dict[str, tuple[Ban, ...]] = {}
        """The first of each is the one that holds, or the last that did."""
        self._on_change = on_change

    def take(self, bans: Iterable[Ban], now_s: float) -> None:
        changed: dict[str, Ban] = {}
        for ban in bans:
            if not ban.holds(now_s) and not ban.is_ruling:
                continue
            before = self._words.get(ban.cidr, ())
            kept = ban if ban.holds(now_s) else ban.as_ended
            after = words_that_count((*before, kept))
            if after != before:
                self._words[ban.cidr] = after
                if before[:1] != after[:1]:
                    # As it was said: one that has ended was not lifted.
                    changed[ban.cidr] = ban if after[0] == kept else after[0]
        self._tell([*changed.values(), *self._let_go(now_s)])

    def sweep(self, now_s: float) -> None:
        """Bans that have ended are forgotten, and told as such. Of an operator's word, a lift above all, it stays that nothing of before
        counts: an older ban of another region may still come, or be read again."""
        ended = []
        for cidr, words in list(self._words.items()):
            if all(word.is_lifted or word.holds(now_s) for word in words):
                continue
            if not words[0].holds(now_s):
                ended.append(words[0])
            left = words_that_count([word if word.holds(now_s) else word.as_ended for word in words if word.holds(now_s) or word.is_ruling])
            if left:
                self._words[cidr] = left
            else:
                del self._words[cidr]
        self._tell(ended)

    def word(self, cidr: str) -> Ban | None:
        """The one that holds of exactly this prefix, or was lifted or has ended last; None: nothing is known."""
        return next(iter(self._words.get(cidr, ())), None)

    def last_issued_s(self, cidr: str) -> float:
        """When the last word about this prefix that counts was issued; 0.0 where there is none. Whoever rules has to be later."""
        return max((word.issued_s for word in self._words.get(cidr, ())), default=0.0)

    def holding(self, now_s: float) -> list[Ban]:
        """The latest first."""
        found = [words[0] for words in self._words.values() if words[0].holds(now_s)]
        return sorted(found, key=lambda ban: ban.issued_s, reverse=True)

    def covering(self, address: str, now_s: float) -> list[Ban]:
        """Bans that cover an address or a prefix. ValueError for what is neither."""
        asked = ip_network(address)
        return [ban for ban in self.holding(now_s) if _covers(ban.cidr, asked)]

    def _let_go(self, now_s: float) -> list[Ban]:
        surplus = len(self._words) - BANS_LIMIT
        if surplus <= 0:
            return []
        gone = sorted((words[0] for words in self._words.values()), key=lambda ban: ban.until_s)[:surplus]
        for ban in gone:
            del self._words[ban.cidr]
        return [Ban(ban.cidr, ban.issued_s, min(ban.until_s, now_s), ban.reason, ban.issuer) for ban in gone]

    def _tell(self, changed: list[Ban]) -> None:
        if changed and self._on_change is not None:
            self._on_change(changed)


def _covers(cidr: str, asked: IPv4Network | IPv6Network) -> bool:
    covering = ip_network(cidr)
    return covering.version == asked.version and asked.subnet_of(covering)  # type: ignore[arg-type]
