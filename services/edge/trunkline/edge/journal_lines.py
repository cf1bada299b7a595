"""What an edge itself wants to know of the lines of its journal: which calls they are about, and which of them have ended."""

from __future__ import annotations

from typing import Final

from trunkline.engine import lines_with

_CALL: Final = slice(9, 41)
"""Where a line names its call: `{"call":"<32 hexadecimal digits>",…`."""

BEGINS: Final = b'"attempted":{'
_ENDS: Final = (b'"ended":{', b'"failed":{', b'"refused":{')
_FROM_TOKEN: Final = b'"answered_ns":'
"""Stands in the end of a call whose answer this edge has not seen."""


def calls_with(lines: bytes, needle: bytes) -> list[tuple[str, bytes]]:
    """Call and whole line of each line with the needle. Text of a caller cannot look like one: its quotes are escaped."""
    return [(line[_CALL].decode(), line) for line in lines_with(lines, needle)]


def ended_in(lines: bytes) -> list[str]:
    """Calls that are over by these lines."""
    return [call for needle in _ENDS for call, _ in calls_with(lines, needle)]


def ended_for_others(lines: bytes) -> list[str]:
    """Those of them that began at another edge, or in another run of this one."""
    return [call for call, _ in calls_with(lines, _FROM_TOKEN)]
