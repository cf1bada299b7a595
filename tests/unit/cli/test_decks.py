"""The bars of an import."""

from __future__ import annotations

import itertools

from rich.console import Console
from rich.progress import Progress

from trunkline.api.routing.v1.routing_pb2 import Deck
from trunkline.cli.commands.decks import Bars


def read(lines: int) -> Deck:
    return Deck(name="d", read_rows=lines)


def filled(rows: int, of: int = 4) -> Deck:
    return Deck(name="d", filling_rows=of, filled_rows=rows)


def test_no_bar_goes_back_whatever_is_told() -> None:
    for told in itertools.permutations([read(1), read(3), filled(1), filled(4), filled(2, of=9), Deck(name="d")], 5):
        progress = Progress(console=Console(quiet=True))
        bars = Bars(progress, lines=5)
        before: list[float] = []
        for each in told:
            bars.show(each)
            now = [task.completed for task in progress.tasks]
            assert all(was <= is_ for was, is_ in zip(before, now, strict=False)), told
            assert all(task.completed <= (task.total or 0) for task in progress.tasks), told
            before = now


def test_lines_are_checked_and_then_rows_stand_in_the_log() -> None:
    progress = Progress(console=Console(quiet=True))
    bars = Bars(progress, lines=5)
    shown = []
    for each in (read(2), read(4), filled(0), filled(3), filled(4), Deck(name="d")):
        bars.show(each)
        shown.append([int(task.completed) for task in progress.tasks])
    assert shown == [[2], [4], [5, 0], [5, 3], [5, 4], [5, 4]]
