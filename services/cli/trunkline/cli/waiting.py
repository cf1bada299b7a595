"""Where a command waits for its change: the value of --wait, which may be left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

ALL, REGION, POP = "all", "region", "pop"
WORDS = frozenset({ALL, REGION, POP})
_OPTION = "--wait"


def with_scope(arguments: Sequence[str], places: Collection[str]) -> list[str]:
    """`--wait` alone becomes `--wait=all`. The next word is its value only where it names a scope or known places (points of presence,
    regions), for it may as well be the command's own argument."""
    found: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word != _OPTION:
            found.append(word)
        elif rest and (rest[0] in WORDS or set(rest[0].split(",")) <= set(places)):
            found.append(f"{_OPTION}={rest.pop(0)}")
        else:
            found.append(f"{_OPTION}={ALL}")
    return found


def names_of(scope: str, region: str) -> list[str]:
    """What is asked of WaitApplied; empty: every point of presence. `region` is that of the service which is asked."""
    match scope:
        case "all" | "pop":
            return []
        case "region":
            return [region]
        case _:
            return [name for name in scope.split(",") if name]
