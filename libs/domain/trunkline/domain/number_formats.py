"""How a carrier wants numbers written: E.164 with or without `+`, with an international prefix, or its own country's in national form."""

from __future__ import annotations

from typing import Final

from trunkline.domain.events import CarrierSettings

PLUS, DIGITS, PREFIXED, NATIONAL = "plus", "digits", "prefixed", "national"
NUMBER_FORMATS: Final = (PLUS, DIGITS, PREFIXED, NATIONAL)
"""`+31201234567`, `31201234567`, `0031201234567`, `0201234567` at a carrier of the country 31."""


def is_plus(settings: CarrierSettings) -> bool:
    """Whether numbers go as they are."""
    return settings.number_format in ("", PLUS)


def formatted(number: str, settings: CarrierSettings) -> str:
    """`number` is E.164 with `+`; the result has digits only, but for that `+`."""
    digits = number[1:]
    match settings.number_format:
        case "digits":
            return digits
        case "prefixed":
            return settings.international_prefix + digits
        case "national" if digits.startswith(settings.country_code):
            return settings.national_prefix + digits[len(settings.country_code) :]
        case "national":
            return settings.international_prefix + digits
        case _:
            return number
