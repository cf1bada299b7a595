"""What a point of presence is good for: the word that DNS, the command line and the log have for it."""

from __future__ import annotations

from enum import StrEnum


class PopState(StrEnum):
    """DRAINING: serves the calls that it has, and new ones for a while. DOWN: is believed not to answer."""

    READY = "ready"
    DRAINING = "draining"
    DOWN = "down"
