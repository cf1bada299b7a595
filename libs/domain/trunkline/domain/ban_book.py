"""Who is banned, of all that was said about it in all regions. Pure; the time is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from trunkline.domain.bans import BANS_LIMIT, Ban


class BanBook:
    """The last word about each prefix, of all regions. At most `BANS_LIMIT` that hold; of more those are let go that end first."""

    def __init__(self, on_change: Callable[[list[Ban]], None] | None = None) -> None:
        """`on_change` is told what replaced something: bans, and lifted or ended ones as bans that do not hold any more."""
        self._words: dict[str, Ban] = {}
        self._on_change = on_change

    def take(self, bans: Iterable[Ban], now_s: float) -> None:
        changed = []
        for ban in bans:
            if ban.replaces(self._words.get(ban.cidr)) and (ban.is_lifted or ban.holds(now_s)):
                self._words[ban.cidr] = ban
                changed.append(ban)
        changed += self._let_go(now_s)
        self._tell(changed)

    def sweep(self, now_s: float) -> None:
        """Bans that have ended are forgotten, and told as such. Lifted ones stay: an older ban of another region may still come."""
        ended = [ban for ban in self._words.values() if not ban.is_lifted and not ban.holds(now_s)]
        for ban in ended:
            del self._words[ban.cidr]
        self._tell(ended)

    def holding(self, now_s: float) -> list[Ban]:
        """The latest first."""
        return sorted((ban for ban in self._words.values() if ban.holds(now_s)), key=lambda ban: ban.issued_s, reverse=True)

    def covering(self, address: str, now_s: float) -> list[Ban]:
        """Bans that cover an address or a prefix. ValueError for what is neither."""
        asked = ip_network(address)
        return [ban for ban in self.holding(now_s) if _covers(ban.cidr, asked)]

    def _let_go(self, now_s: float) -> list[Ban]:
        surplus = len(self._words) - BANS_LIMIT
        if surplus <= 0:
            return []
        gone = sorted(self._words.values(), key=lambda ban: ban.until_s)[:surplus]
        for ban in gone:
            del self._words[ban.cidr]
        return [Ban(ban.cidr, ban.issued_s, min(ban.until_s, now_s), ban.reason, ban.issuer) for ban in gone]

    def _tell(self, changed: list[Ban]) -> None:
        if changed and self._on_change is not None:
            self._on_change(changed)


def _covers(cidr: str, asked: IPv4Network | IPv6Network) -> bool:
    covering = ip_network(cidr)
    return covering.version == asked.version and asked.subnet_of(covering)  # type: ignore[arg-type]
