"""What a point of presence is good for: the word that DNS, the command line and the log have for it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class PopState(StrEnum):
    """DRAINING: serves the calls that it has, and new ones for a while. DOWN: is believed not to answer."""

    READY = "ready"
    DRAINING = "draining"
    DOWN = "down"


def believe(before: Mapping[str, PopState], seen: Mapping[str, PopState]) -> dict[str, PopState]:
    """What to hold of each POP of `seen`, after what was held `before`. Where more than half are seen to be down it is our sight that is
    down: no further one is taken for down then, and those that are not known from before are READY. An operator's word (DRAINING) and good
    news are believed at any time."""
    if 2 * sum(state is PopState.DOWN for state in seen.values()) <= len(seen):
        return dict(seen)
    return {pop: before.get(pop, PopState.READY) if state is PopState.DOWN else state for pop, state in seen.items()}
