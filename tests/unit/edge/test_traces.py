"""What an edge tells of the commits that it applied."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from trunkline.domain.events import AclCreated, Commit, Kind, Position, TenantId
from trunkline.edge.traces import KEPT, AppliedTraces, trace_id_of
from trunkline.eventlog.log import StoredCommit

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def stored(position: int, trace_parent: str = PARENT) -> StoredCommit:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    commit = Commit("c", Kind.ACL, TenantId("acme"), "OUT", 1, now, "operator", (AclCreated(),), trace_parent=trace_parent)
    return StoredCommit(Position(position), commit, now, b"")


def test_a_commit_gives_its_span_when_it_is_applied_and_not_before() -> None:
    told: list[dict[str, Any]] = []
    clock = [1000]

    def emit(name: str, **fields: Any) -> str:
        told.append({"name": name, **fields})
        return ""

    traces = AppliedTraces("eu1", now_ns=lambda: clock[0])
    traces.emit = emit
    traces.on_commit(stored(7))
    traces.on_commit(stored(9))
    clock[0] = 3000
    traces.on_applied(8)
    assert told == [{"name": "edge.apply", "parent": PARENT, "start_ns": 1000, "end_ns": 3000, "attributes": {"pop": "eu1", "position": 7}}]
    assert traces.trace_id(7) == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert traces.trace_id(9) == ""


def test_commits_without_a_trace_give_none_and_old_ones_are_forgotten() -> None:
    traces = AppliedTraces("eu1")
    traces.on_commit(stored(1, ""))
    for position in range(2, KEPT + 4):
        traces.on_commit(stored(position))
        traces.on_applied(position)
    assert traces.trace_id(1) == traces.trace_id(2) == ""
    assert traces.trace_id(KEPT + 3)


def test_what_is_no_traceparent_has_no_trace_id() -> None:
    assert [trace_id_of(text) for text in ("", "x", "00-short-1-01", "a-b-c-d-e")] == [""] * 4
