"""The file of answered calls: what it gives back, and what becomes of it when it cannot be read or written."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from trunkline.edge import saved_calls
from trunkline.edge.saved_calls import SavedCalls


class Next:
    """Takes what the next run's engine would be given."""

    def __init__(self) -> None:
        self.calls: dict[str, bytes] = {}

    def take_saved_calls(self) -> list[tuple[str, bytes | None]]:
        return []

    def restore_calls(self, calls: list[tuple[str, bytes]]) -> None:
        for call, row in calls:
            int(call, 16)
            self.calls[call] = bytes(row)


def call(number: int) -> str:
    return f"{number:032x}"


def restored(path: Path) -> tuple[Next, SavedCalls]:
    engine, saved = Next(), SavedCalls(path)
    saved.restore(engine)
    return engine, saved


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


def test_the_last_row_of_each_call_that_has_not_ended_is_given_back(path: Path) -> None:
    saved = SavedCalls(path)
    saved.write([(call(1), b"a"), (call(2), b"b"), (call(3), b"c")])
    saved.write([(call(1), b"later"), (call(2), None), (call(9), None)])
    saved.end([call(3), call(7)])
    saved.close()
    engine, again = restored(path)
    assert engine.calls == {call(1): b"later"} and again.restored == {call(1)}
    again.end([call(1)])
    assert again.restored == set()
    again.close()
    again.write([(call(4), b"too late")])
    assert restored(path)[0].calls == {}


def test_what_can_be_read_of_a_damaged_file_stands_again_and_the_rest_is_put_aside(path: Path) -> None:
    saved = SavedCalls(path)
    saved.write((call(number), bytes(700)) for number in range(5_000))
    saved.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    engine, again = restored(path)
    assert 0 <= len(engine.calls) < 5_000
    assert path.with_suffix(".unreadable").exists()
    again.write([(call(1), b"new")])
    again.close()
    assert restored(path)[0].calls == {call(1): b"new"}


def test_calls_that_stand_again_wait_for_their_ends_though_the_file_was_lost_meanwhile(path: Path) -> None:
    saved = SavedCalls(path)
    assert not saved.has_any
    saved.write([(call(1), b"a")])
    assert saved.has_any
    saved.close()
    _, again = restored(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        # One that refuses what is written to it.
        other.executescript("drop table saved; create table saved (call text, row blob check (row is null))")
    again.write([(call(2), b"b")])
    assert path.with_suffix(".unreadable").exists()
    again.write([(call(2), None)])
    assert again.restored == {call(1)} and again.has_any
    again.close()


@pytest.mark.parametrize(
    "schema",
    ["create table saved (other int)", "create table saved (call text, row text)", "create table saved (call text, row blob)"],
)
def test_another_programs_file_is_put_aside(path: Path, schema: str) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute(schema)
        if "call" in schema:
            file.execute("insert into saved values ('no call', 'text')")
        file.commit()
    engine, saved = restored(path)
    assert engine.calls == {} and path.with_suffix(".unreadable").exists()
    saved.write([(call(1), b"new")])
    saved.close()
    assert restored(path)[0].calls == {call(1): b"new"}


def test_where_there_can_be_no_file_the_edge_serves_without(tmp_path: Path) -> None:
    engine, saved = restored(tmp_path / "nowhere" / "calls.sqlite")
    saved.write([(call(1), b"a")])
    assert engine.calls == {} and saved.restored == set()
    saved.close()


def test_what_a_locked_file_does_not_take_is_written_later_and_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_calls, "MAX_UNWRITTEN", 3)
    saved = SavedCalls(path)
    saved.write([(call(1), b"a")])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        # Each waits five seconds for the lock: sqlite3's own time limit.
        saved.write([(call(2), b"b")])
        saved.write([(call(number), b"b") for number in range(2, 7)])
        other.execute("rollback")
    saved.write([])
    saved.close()
    assert set(restored(path)[0].calls) == {call(number) for number in (1, 2, 3, 4)}


def test_the_last_words_are_kept_whoever_else_is_writing(path: Path) -> None:
    saved = SavedCalls(path)
    writers = [
        threading.Thread(target=lambda first=first: [saved.write([(call(first + number), b"x")]) for number in range(200)])
        for first in (0, 1_000, 2_000)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    saved.close()
    assert len(restored(path)[0].calls) == 600
