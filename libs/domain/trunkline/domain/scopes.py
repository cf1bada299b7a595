"""What an API key may do: its scopes and its end.

A key without scopes may do all that its tenant may, as every key could before there were any. Reading is a scope of its own: a program that
hangs calls up need not see records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trunkline.domain.errors import Refusal, invalid, permission_denied

MAX_KEY_LIFE_S: Final = 10 * 366 * 86_400
"""Ten years: a later end is a slip of the pen. For ever is 0."""


class Scope(StrEnum):
    READ = "read"
    ACCESS_WRITE = "access:write"
    """Access control lists with their addresses and accounts."""
    TRUNKS_WRITE = "trunks:write"
    """Domains, what is attached to them, their policies and limits."""
    CALLS_WRITE = "calls:write"
    """Hanging up."""
    KEYS_WRITE = "keys:write"
    """Making keys that may no more than itself, and revoking any of the tenant's."""


@dataclass(frozen=True, slots=True)
class Grant:
    """`scopes` empty: all. `expires_s`: seconds since 1970 UTC, from which on it is refused; 0: never."""

    scopes: frozenset[str] = frozenset()
    expires_s: int = 0

    def has(self, scope: Scope) -> bool:
        return not self.scopes or scope in self.scopes

    def is_over(self, now_s: float) -> bool:
        return bool(self.expires_s) and now_s >= self.expires_s


def known_scopes(texts: Iterable[str], field: str = "scopes") -> tuple[str, ...]:
    """In the order of `Scope`, each once. Raises Refusal for one that there is not."""
    wanted = set(texts)
    unknown = sorted(wanted - set(Scope))
    if unknown:
        raise invalid("SCOPE_UNKNOWN", field, f"{unknown[0]!r} is no scope.", f"Choose of: {', '.join(Scope)}.")
    return tuple(scope.value for scope in Scope if scope in wanted)


def check_expiry(expires_s: int, now_s: int, field: str = "expire_time") -> None:
    """Raises Refusal for an end that has passed or lies absurdly far."""
    if expires_s and not now_s < expires_s <= now_s + MAX_KEY_LIFE_S:
        raise invalid(
            "EXPIRY_INVALID",
            field,
            "A key's end lies in the future, and at most ten years away.",
            "Name a later time, or leave it out for a key that does not end.",
        )


def check_made_by(maker: Grant, scopes: tuple[str, ...], expires_s: int) -> None:
    """That a new key may no more than the one it is made with, for no longer. Raises Refusal."""
    missing = [scope for scope in Scope if not maker.has(scope) and (not scopes or scope in scopes)]
    if missing:
        raise _beyond("SCOPE_BEYOND_MAKER", "scopes", f"The key that asks has no scope {', '.join(missing)}, so it cannot give it.")
    if maker.expires_s and not 0 < expires_s <= maker.expires_s:
        raise _beyond("EXPIRY_BEYOND_MAKER", "expire_time", "The key that asks ends before the one that it would make.")


def _beyond(reason: str, field: str, message: str) -> Refusal:
    return permission_denied(reason, field, message, "Ask for less, or ask with a key that may more.")
