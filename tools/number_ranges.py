"""Writes `libs/domain/trunkline/domain/number_ranges.py` from the metadata of phonenumbers (Google's libphonenumber).

Numbering plans are patterns there; what is needed of them once a call is which digits a number begins with. A range of premium
services is as short as it can be without holding numbers of another kind (fixed, mobile, toll-free and so on), and never smaller than the
pattern but where it would need more than MAX_DEPTH digits to be told from them. Then `make fmt`.
"""

from __future__ import annotations

import re
import re._constants as op  # type: ignore[import-not-found]  # no types
import re._parser as parser  # type: ignore[import-not-found]  # no types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber, region_code_for_number

TARGET = Path(__file__).parent.parent / "libs/domain/trunkline/domain/number_ranges.py"
ANY_DIGIT = 10
NANPA = 1
"""Of its numbers the area code tells the country."""
MAX_DEPTH = 7
"""Digits of the national number that a range may name."""
INTERNATIONAL_PREMIUM = "979"
"""ITU-T E.169.2: the International Premium Rate Service; all of it, whatever the metadata know."""
SATELLITES = ("870", "881", "8816", "8817", "882", "883")
"""Inmarsat, satellite and international networks: no premium service, and priced like one."""


def main() -> None:
    TARGET.write_text(rendered())


def rendered() -> str:
    lines = [
        '"""Countries and premium ranges by the digits that a number begins with.',
        "",
        f"Generated from phonenumberslite {phonenumbers.__version__} by `tools/number_ranges.py`: do not edit. See `docs/limits.md`.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "from typing import Final",
        "",
        "COUNTRIES: Final[Mapping[str, str]] = {",
        *(f'    "{code}": "{country}",' for code, country in sorted(countries().items())),
        "}",
        '"""Main country of a country code, ISO 3166-1 alpha-2; codes of no country are left out."""',
        "",
        "SHARED: Final[Mapping[str, Mapping[str, str]]] = {",
    ]
    for code, ranges in sorted(shared().items()):
        lines += [f'    "{code}": {{', *(f'        "{prefix}": "{country}",' for prefix, country in sorted(ranges.items())), "    },"]
    lines += [
        "}",
        '"""Of a code that several countries share: the ranges of the others, the longest that fits counts."""',
        "",
        "PREMIUM: Final[Mapping[str, tuple[str, ...]]] = {",
    ]
    for code, prefixes in sorted(premium().items()):
        listed = ", ".join(f'"{prefix}"' for prefix in prefixes)
        lines.append(f'    "{code}": ({listed}{"," if len(prefixes) == 1 else ""}),')
    lines += [
        "}",
        '"""By country code: what numbers of premium services, and of satellites, begin with."""',
    ]
    return "\n".join(lines) + "\n"


def countries() -> dict[str, str]:
    found = {str(code): regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0] != "001"}
    return dict(sorted(found.items()))


def shared() -> dict[str, dict[str, str]]:
    """By country code and range: the country that is not the main one."""
    found: dict[str, dict[str, str]] = {}
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        if len(regions) < 2:
            continue
        found[str(code)] = {f"{code}{prefix}": region for region in regions[1:] for prefix in _ranges_of(region, code)}
    return found


def _ranges_of(region: str, code: int) -> Iterator[str]:
    """What national numbers of a country begin with that are nobody else's: its leading digits, else those of its patterns."""
    metadata = _metadata(region)
    if metadata.leading_digits:
        yield from sorted(_prefixes(metadata.leading_digits))
        return
    wanted: set[str] = set()
    for described in (metadata.fixed_line, metadata.mobile):
        if described and described.national_number_pattern:
            wanted.update(prefix[: 3 if code == NANPA else 5] for prefix in _prefixes(described.national_number_pattern))
    yield from (prefix for prefix in sorted(wanted) if _is_only(prefix, code, region))


def _is_only(prefix: str, code: int, region: str) -> bool:
    """Whether some number that begins so is the country's, and none is the main one's."""
    owners = set()
    for length in _metadata(region).general_desc.possible_length:
        for filler in ("2345678", "5550123", "3123456", "9876543", "0000000", "1111111", "6001234"):
            digits = (prefix + filler * 2)[:length]
            owner = region_code_for_number(PhoneNumber(country_code=code, national_number=int(digits)))
            if owner:
                owners.add(owner)
    return owners == {region}


def premium() -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            metadata = _metadata(region) if region != "001" else PhoneMetadata.metadata_for_nongeo_region(code, None)
            if metadata is None or metadata.premium_rate is None or not metadata.premium_rate.national_number_pattern:
                continue
            others = _others(metadata)
            for prefix in _apart(metadata.premium_rate.national_number_pattern, others):
                found.setdefault(str(code), set()).add(f"{code}{prefix}")
    found[INTERNATIONAL_PREMIUM] = {INTERNATIONAL_PREMIUM}
    for prefix in SATELLITES:
        found.setdefault(prefix[:3], set()).add(prefix[:3])
    return {code: _shortest(prefixes) for code, prefixes in found.items()}


def _others(metadata: PhoneMetadata) -> set[str]:
    """What numbers of every other kind begin with."""
    kinds = ("fixed_line", "mobile", "toll_free", "shared_cost", "personal_number", "voip", "pager", "uan", "voicemail")
    found: set[str] = set()
    for described in (getattr(metadata, kind) for kind in kinds):
        if described and described.national_number_pattern:
            found.update(_prefixes(described.national_number_pattern))
    return found


def _apart(pattern: str, others: set[str]) -> set[str]:
    """Ranges of the pattern, as short as they can be without being ranges of other numbers too, or as long as they may."""
    kept: set[str] = set()
    for prefix in _prefixes(pattern):
        sizes = range(1, len(prefix) + 1)
        kept.add(prefix[: next((size for size in sizes if not _meets(prefix[:size], others)), len(prefix))])
    return kept


def _meets(prefix: str, others: set[str]) -> bool:
    return any(other.startswith(prefix) or prefix.startswith(other) for other in others)


def _shortest(prefixes: set[str]) -> tuple[str, ...]:
    return tuple(sorted(prefix for prefix in prefixes if not any(other != prefix and prefix.startswith(other) for other in prefixes)))


def _metadata(region: str) -> PhoneMetadata:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    assert metadata is not None, region
    return metadata


def _prefixes(pattern: str) -> set[str]:
    """Of at most MAX_DEPTH digits; one ends where the pattern takes any digit from there on."""
    found: set[str] = set()
    for prefix in _walk(list(parser.parse(re.sub(r"\s", "", pattern))), ""):
        found.update(_written_out(prefix.rstrip(".")))
    return found - {""}


def _written_out(prefix: str) -> list[str]:
    """`.` stands for any digit."""
    before, any_digit, after = prefix.partition(".")
    return [found for digit in "0123456789" for found in _written_out(before + digit + after)] if any_digit else [prefix]


def _walk(items: list[Any], prefix: str) -> Iterator[str]:
    """Every beginning that the pattern allows, with `.` for any digit."""
    if not items or len(prefix) >= MAX_DEPTH:
        yield prefix[:MAX_DEPTH]
        return
    (kind, value), rest = items[0], items[1:]
    if kind is op.LITERAL:
        yield from _walk(rest, prefix + chr(value))
    elif kind is op.CATEGORY or (kind is op.IN and _digits(value) == ANY_DIGIT):
        yield from _walk(rest, prefix + ".")
    elif kind is op.IN:
        for digit in _members(value):
            yield from _walk(rest, prefix + digit)
    elif kind is op.SUBPATTERN:
        yield from _walk([*value[3], *rest], prefix)
    elif kind is op.BRANCH:
        for branch in value[1]:
            yield from _walk([*branch, *rest], prefix)
    elif kind is op.MAX_REPEAT:
        low, high, repeated = value
        for count in range(low, min(high, low + MAX_DEPTH) + 1):
            yield from _walk([*(list(repeated) * count), *rest], prefix)
    else:
        raise ValueError(f"a pattern with {kind}: teach this tool to read it")


def _members(values: list[Any]) -> Iterator[str]:
    for kind, value in values:
        if kind is op.LITERAL:
            yield chr(value)
        elif kind is op.RANGE:
            yield from (chr(each) for each in range(value[0], value[1] + 1))
        elif kind is op.CATEGORY:
            yield from "0123456789"
        else:
            raise ValueError(f"a set with {kind}: teach this tool to read it")


def _digits(values: list[Any]) -> int:
    return len(set(_members(values)))


if __name__ == "__main__":
    main()
