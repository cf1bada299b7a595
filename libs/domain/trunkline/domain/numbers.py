"""Telephone numbers: ITU-T E.164."""

from __future__ import annotations

MIN_DIGITS = 3
MAX_DIGITS = 15
"""E.164 §6.1."""

_DIGITS = frozenset("0123456789")


def _ranges(text: str) -> frozenset[str]:
    codes: set[str] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        codes.update(str(code) for code in range(int(first), int(last or first) + 1))
    return frozenset(codes)


COUNTRY_CODES = _ranges(
    "1 7 20 27 30-34 36 39 40-41 43-49 51-58 60-66 81-82 84 86 90-95 98"
    " 211-213 216 218 220-258 260-269 290-291 297-299"
    " 350-359 370-383 385-387 389 420-421 423"
    " 500-509 590-599 670 672-683 685-692"
    " 800 808 850 852-853 855-856 870 878 880-883 886"
    " 960-968 970-977 979 992-996 998"
)
"""Assigned country, network and service codes (ITU Operational Bulletin, list of E.164 country codes); no code is another's prefix."""


def parse_e164(text: str) -> str | None:
    """The digits of an E.164 number written with or without a leading `+`, or None. Separators are not removed."""
    digits = text[1:] if text[:1] == "+" else text
    # isdigit alone would take the digits of other scripts.
    if MIN_DIGITS <= len(digits) <= MAX_DIGITS and digits.isascii() and digits.isdigit():
        return digits
    return None


def country_code(digits: str) -> str | None:
    """The assigned country code that the digits begin with, or None."""
    # Written out, because it is asked once a call.
    if digits[:2] in COUNTRY_CODES:
        return digits[:2]
    if digits[:1] in COUNTRY_CODES:
        return digits[:1]
    return digits[:3] if digits[:3] in COUNTRY_CODES else None


def known_number(text: str) -> str | None:
    """The digits of a number that some numbering plan knows, or None."""
    digits = parse_e164(text)
    return digits if digits is not None and country_code(digits) is not None else None


def is_prefix(text: str) -> bool:
    """Whether it can begin an E.164 number: 1 to 15 digits, not beginning with 0."""
    return 0 < len(text) <= MAX_DIGITS and _DIGITS.issuperset(text) and text[0] != "0"
