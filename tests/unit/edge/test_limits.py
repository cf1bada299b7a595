"""What is counted at an edge over its runs: from the decision to the end in the journal, and from the file or the lines after a kill."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from unit.domain.histories import History

from trunkline.domain import commands as c
from trunkline.domain.class_of_service import Limit, LimitKey
from trunkline.domain.counted_calls import ASK_AGAIN_S, LONGEST_S, OVERDUE_S
from trunkline.domain.directory import Directory
from trunkline.domain.events import TenantId
from trunkline.edge.limits import Limits

ACME = TenantId("acme")
KEY = LimitKey("acme", "shop")
LIMIT = (Limit(KEY, 2, 0),)
FIRST, SECOND, OTHER = "1" * 32, "2" * 32, "f" * 32


class Chunk:
    """As the engine drains it: of a run that began at `boot_ns`."""

    def __init__(self, boot_ns: int, *facts: dict[str, object]) -> None:
        self.segment = f"{boot_ns:016x}-00000001"
        self.offset = 0
        self.lines = b"".join(json.dumps(fact, separators=(",", ":")).encode() + b"\n" for fact in facts)


def attempted(call: str, domain: str = "shop", time_ns: int | None = None) -> dict[str, object]:
    fact = {"tenant": "acme", "domain": domain, "from_uri": 'x"ended":{'}
    return {"call": call, "id": "b-1", "time_ns": time.time_ns() if time_ns is None else time_ns, "attempted": fact}


def ended(call: str, **more: object) -> dict[str, object]:
    return {"call": call, "id": "b-2", "time_ns": time.time_ns(), "ended": {"by": "caller", **more}}


@pytest.fixture(scope="module")
def directory() -> Directory:
    history = History()
    for command in (c.CreateTenant(ACME), c.CreateDomain(ACME, "shop"), c.CreateDomain(ACME, "free"), c.SetLimits(ACME, "shop", 2)):
        history.execute(command)
    return history.directory


def run(folder: Path, directory: Directory) -> Limits:
    return Limits("edge", 1, folder / "limits.sqlite", lambda: directory)


def calls(limits: Limits) -> int:
    return sum(use.calls for use in limits.report().uses)


def now() -> int:
    return time.time_ns() + 1_000_000_000


def test_a_call_counts_until_its_end_stands_in_the_journal(tmp_path: Path, directory: Directory) -> None:
    limits = run(tmp_path, directory)
    assert limits.admit(FIRST, LIMIT) is None and limits.admit(SECOND, LIMIT) is None
    refused = limits.admit(OTHER, LIMIT)
    assert refused is not None and refused[0] == "T305" and "shop may have 2 calls at a time" in refused[1]
    assert limits.on_chunk(Chunk(now(), attempted(FIRST), attempted(OTHER))) == []  # type: ignore[arg-type]
    assert calls(limits) == 2, "what a text of the caller looks like ends nothing"
    assert limits.on_chunk(Chunk(now(), ended(FIRST))) == []  # type: ignore[arg-type]
    assert calls(limits) == 1 and limits.admit(OTHER, LIMIT) is None
    limits.end([SECOND, SECOND, "0" * 32])
    assert calls(limits) == 1


def test_what_a_killed_run_left_is_counted_from_its_file(tmp_path: Path, directory: Directory) -> None:
    first = run(tmp_path, directory)
    for call in (FIRST, SECOND):
        assert first.admit(call, LIMIT) is None
    first.on_chunk(Chunk(now(), attempted(FIRST), attempted(SECOND), ended(SECOND)))  # type: ignore[arg-type]
    second = run(tmp_path, directory)
    assert calls(second) == 1
    second.end([FIRST])
    assert calls(run(tmp_path, directory)) == 0


def test_what_a_killed_run_had_not_written_is_counted_from_its_journal(tmp_path: Path, directory: Directory) -> None:
    boot_ns = time.time_ns()
    limits = run(tmp_path, directory)
    lines = Chunk(boot_ns, attempted(FIRST), attempted(SECOND), attempted(OTHER, "free"), ended(SECOND))
    for _ in range(2):
        limits.on_chunk(lines)  # type: ignore[arg-type]
        assert calls(limits) == 1
    assert calls(run(tmp_path, directory)) == 1


def test_the_end_of_a_call_that_another_edge_counts_is_told(tmp_path: Path, directory: Directory) -> None:
    limits = run(tmp_path, directory)
    assert limits.on_chunk(Chunk(now(), ended(FIRST), ended(OTHER, answered_ns=1))) == [OTHER]  # type: ignore[arg-type]


def test_a_call_whose_end_nobody_tells_is_forgotten_when_it_must_be_over(tmp_path: Path, directory: Directory) -> None:
    began_ns = time.time_ns()
    limits = run(tmp_path, directory)
    limits.on_chunk(Chunk(began_ns, attempted(FIRST, time_ns=began_ns)))  # type: ignore[arg-type]
    end_s = began_ns / 1e9 + LONGEST_S + OVERDUE_S
    assert limits.look(end_s - ASK_AGAIN_S) == [FIRST] and calls(limits) == 1
    assert limits.look(end_s + 1) == [] and calls(limits) == 0
    assert calls(run(tmp_path, directory)) == 0


def test_a_call_of_this_run_is_forgotten_too_when_it_must_be_over(tmp_path: Path, directory: Directory) -> None:
    limits = run(tmp_path, directory)
    began_s = time.time()
    for call in (FIRST, SECOND):
        assert limits.admit(call, LIMIT) is None
    short = attempted(FIRST, time_ns=int(began_s * 1e9))
    short["attempted"]["max_duration_s"] = 60  # type: ignore[index]
    limits.on_chunk(Chunk(now(), short))  # type: ignore[arg-type]
    assert limits.look(began_s + 60 + OVERDUE_S + 1) == [SECOND] and calls(limits) == 1, "it had a minute"
    assert limits.look(began_s + LONGEST_S + OVERDUE_S + 2) == [] and calls(limits) == 0


def test_what_an_earlier_run_left_is_asked_about_at_once_and_others_when_they_have_stood_for_a_while(
    tmp_path: Path, directory: Directory
) -> None:
    first = run(tmp_path, directory)
    assert first.admit(FIRST, LIMIT) is None
    first.on_chunk(Chunk(now(), attempted(FIRST)))  # type: ignore[arg-type]
    second = run(tmp_path, directory)
    assert second.admit(SECOND, LIMIT) is None
    began_s = time.time()
    assert second.look(began_s) == [FIRST]
    assert second.look(began_s + 1) == [], "not so soon again"
    assert second.look(began_s + ASK_AGAIN_S + 1) == [SECOND, FIRST]
    second.end([FIRST])
    assert second.look(began_s + 2 * ASK_AGAIN_S + 2) == [SECOND]


def test_whoever_tells_the_owner_is_woken_once_until_it_has_told(tmp_path: Path, directory: Directory) -> None:
    limits = run(tmp_path, directory)
    woken: list[int] = []
    limits.on_wanted = lambda: woken.append(1)
    assert limits.admit(FIRST, LIMIT) is None, "the first call under this limit"
    assert len(woken) == 1
    assert limits.admit(SECOND, LIMIT) is None
    assert limits.admit(OTHER, LIMIT) is not None
    assert len(woken) == 1, "it has not told yet"
    limits.report()
    assert limits.admit(OTHER, LIMIT) is not None
    assert len(woken) == 2, "refused for want of a share"
