"""The choice of gateways: from the rows of a number's longest prefix to the order in which gateways are tried.

Rows by priority (lower first), within it by weight, then cost. Each row's gateways likewise. Then two of the POP's own region go first,
those of the other regions follow, the nearest region first, then the rest of the own. A name that is bound to a POP gets that region's
gateways only. Gateways that are passed over (`trunkline.domain.gateway_view`) come after all others, those that asked to be left alone
not at all; where all are, all are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, lt
from typing import Final, NamedTuple, TypeVar

from trunkline.domain.events import CarrierId, DeckRow
from trunkline.domain.gateway_view import ALL_USED, GatewayView
from trunkline.domain.regions import nearest_first
from trunkline.domain.route_table import RouteMatch
from trunkline.domain.views import Carrier, Gateway

MAX_TARGETS: Final = 8
"""What an edge walks for one call; at 3 s for each silent one the caller has long gone."""
OWN_REGION_FIRST: Final = 2
"""Gateways of the POP's own region that are tried before those of others."""
MAX_NOTES: Final = 8
"""Gateways passed over that are named in a record; they are its text."""
ALL_PASSED: Final = "all gateways of the route seem dead: they are tried all the same"
_BELOW_ONE: Final = 1.0 - 2**-53


class Choice(NamedTuple):
    """A gateway to try, and the row it was chosen by."""

    gateway: Gateway
    carrier: Carrier
    row: DeckRow
    currency: str


class Chosen(NamedTuple):
    """`notes` say which gateways were passed over, and why; `is_last_resort`: all were, and are tried all the same."""

    choices: tuple[Choice, ...]
    notes: tuple[str, ...] = ()
    is_last_resort: bool = False


def choose(
    match: RouteMatch,
    carriers: Mapping[CarrierId, Carrier],
    *,
    region: str,
    is_bound: bool,
    randomness: float,
    view: GatewayView = ALL_USED,
) -> Chosen:
    """At most `MAX_TARGETS`, none twice; empty where no carrier of the rows has a gateway that may be used. Unbound, each region that has
    a gateway has one among them, up to `MAX_TARGETS`: a region that is lost is passed by. `randomness` is uniform in [0, 1) and settles
    the weights; the same gives the same order."""
    choices = _all(match, carriers, region, is_bound, randomness)
    passed = view.passed
    if not passed or passed.keys().isdisjoint([choice.gateway.key for choice in choices]):
        return Chosen(_picked(choices, region))
    used = [choice for choice in choices if choice.gateway.key not in passed]
    left = [choice for choice in choices if choice.gateway.key in passed]
    notes = [passed[choice.gateway.key] for choice in left[:MAX_NOTES]]
    if not used:
        # Rather than believe that all are dead: what sees them may be. Those that said so themselves are believed, and come last.
        silent = _picked([choice for choice in choices if choice.gateway.key not in view.told], region)
        told = _picked([choice for choice in choices if choice.gateway.key in view.told], region)
        return Chosen((*silent, *told)[:MAX_TARGETS], (*notes, ALL_PASSED), True)
    last = _picked([choice for choice in left if choice.gateway.key not in view.told], region)
    return Chosen((*_picked(used, region), *last)[:MAX_TARGETS], tuple(notes))


def _all(match: RouteMatch, carriers: Mapping[CarrierId, Carrier], region: str, is_bound: bool, randomness: float) -> list[Choice]:
    """Each gateway that may be used at all, by its row's and its own place."""
    found: list[Choice] = []
    seen: set[str] = set()
    for row, currency in _ordered(match.rows, randomness, _row_priority, _row_weight, _row_cost):
        carrier = carriers.get(CarrierId(row.carrier))
        if carrier is None or carrier.is_suspended or carrier.id in seen:
            continue
        seen.add(carrier.id)
        for gateway in _ordered(carrier.gateways, randomness, _priority, _weight, _name):
            if gateway.region == region or not is_bound:
                found.append(Choice(gateway, carrier, row, currency))
    return found


def _picked(choices: Sequence[Choice], region: str) -> tuple[Choice, ...]:
    """By region."""
    own: list[Choice] = []
    others: dict[str, list[Choice]] = {}
    for choice in choices:
        if choice.gateway.region == region:
            own.append(choice)
        else:
            others.setdefault(choice.gateway.region, []).append(choice)
    if not others:
        return tuple(own[:MAX_TARGETS])
    chosen = own[:OWN_REGION_FIRST]
    away = nearest_first(region, others)
    for still_to_come, name in zip(range(len(away) - 1, -1, -1), away, strict=True):
        room = MAX_TARGETS - len(chosen) - still_to_come
        chosen += others[name][: max(room, 1)]
    return (*chosen, *own[OWN_REGION_FIRST:])[:MAX_TARGETS]


def is_settled(match: RouteMatch, carriers: Mapping[CarrierId, Carrier]) -> bool:
    """Whether `choose` gives the same whatever the randomness: no two rows, and no two gateways of a carrier, share a priority."""
    lists = [[row.priority for row, _ in match.rows]]
    lists += [
        [gateway.priority for gateway in carriers[name].gateways] for row, _ in match.rows if (name := CarrierId(row.carrier)) in carriers
    ]
    return all(len(set(priorities)) == len(priorities) for priorities in lists)


_priority: Callable[[Gateway], int] = attrgetter("priority")
_weight: Callable[[Gateway], int] = attrgetter("weight")
_name: Callable[[Gateway], str] = attrgetter("name")

Row = tuple[DeckRow, str]


def _row_priority(row: Row) -> int:
    return row[0].priority


def _row_weight(row: Row) -> int:
    return row[0].weight


def _row_cost(row: Row) -> tuple[int, str]:
    return row[0].rate_micros, row[0].carrier


T = TypeVar("T")


def _ordered(
    items: Sequence[T],
    randomness: float,
    priority: Callable[[T], int],
    weight: Callable[[T], int],
    tie_break: Callable[[T], object],
) -> Sequence[T]:
    if len(items) < 2:
        return items
    levels = [priority(item) for item in items]
    if all(map(lt, levels, levels[1:])):
        # The usual case: in order already, and no weight to be drawn by.
        return items
    by_priority: dict[int, list[T]] = {}
    for item in items:
        by_priority.setdefault(priority(item), []).append(item)
    ordered: list[T] = []
    for level in sorted(by_priority):
        group = by_priority[level]
        ordered += group if len(group) == 1 else _drawn(group, randomness, weight, tie_break)
    return ordered


def _drawn(group: list[T], randomness: float, weight: Callable[[T], int], tie_break: Callable[[T], object]) -> list[T]:
    """Drawn one after the other with a chance by weight; those of weight 0 come last, by the tie break."""
    ranked = sorted(group, key=tie_break)  # type: ignore[arg-type]  # keys of one kind are comparable
    left = [item for item in ranked if weight(item) > 0]
    drawn: list[T] = []
    while left:
        mark = randomness * sum(weight(item) for item in left)
        index = 0
        # The last one takes what rounding may leave at the upper end.
        while index < len(left) - 1 and mark >= weight(left[index]):
            mark -= weight(left[index])
            index += 1
        # What is left of the number within the share that it fell into is uniform again.
        randomness = min(mark / weight(left[index]), _BELOW_ONE)
        drawn.append(left.pop(index))
    return drawn + [item for item in ranked if weight(item) <= 0]
