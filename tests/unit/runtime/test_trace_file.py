"""Spans on disk: who is whose child, what does not fit, files that stay small."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from trunkline.runtime import telemetry, trace_file
from trunkline.runtime.trace_file import TraceFile


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@contextmanager
def exported(path: Path) -> Iterator[TraceFile]:
    file = telemetry.export_to(path, "test-eu")
    try:
        yield file
    finally:
        file.shutdown()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces" / "test-eu.jsonl"


def test_a_line_says_who_did_what_when_and_for_whom(path: Path) -> None:
    with exported(path), telemetry.span("root"):
        trace_id, parent = telemetry.trace_id(), telemetry.trace_parent()
        with telemetry.span("inner", attributes={"pop": "eu1", "position": 7}):
            pass
    inner, root = lines_of(path)
    assert (inner["name"], root["name"]) == ("inner", "root")
    assert inner["trace_id"] == root["trace_id"] == trace_id
    assert inner["parent_id"] == root["span_id"] == parent.split("-")[2]
    assert root["parent_id"] == ""
    assert root["start_ns"] <= inner["start_ns"] <= inner["end_ns"] <= root["end_ns"]
    assert inner["attributes"] == {"pop": "eu1", "position": 7}
    assert root["process"] == "test-eu"
    assert path.stat().st_mode & 0o077 == 0


def test_something_that_is_over_becomes_a_child_of_what_asked_for_it(path: Path) -> None:
    with exported(path):
        with telemetry.span("command"):
            parent = telemetry.trace_parent()
        trace_id = telemetry.past_span("edge.apply", parent=parent, start_ns=1_000, end_ns=3_000, attributes={"pop": "eu1"})
    command, applied = lines_of(path)
    assert applied["trace_id"] == command["trace_id"] == trace_id
    assert applied["parent_id"] == command["span_id"]
    assert (applied["start_ns"], applied["end_ns"]) == (1_000, 3_000)


def test_a_flush_writes_what_waits(path: Path) -> None:
    with exported(path) as file:
        with telemetry.span("one"):
            pass
        assert file.force_flush()
        assert [line["name"] for line in lines_of(path)] == ["one"]


def test_spans_get_to_the_file_by_themselves(path: Path) -> None:
    with exported(path):
        with telemetry.span("one"):
            pass
        deadline = time.monotonic() + 10
        while not (path.exists() and path.read_bytes().endswith(b"\n")) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [line["name"] for line in lines_of(path)] == ["one"]


def make(file: TraceFile, count: int) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(file)
    for number in range(count):
        provider.get_tracer("test").start_span(f"span {number}").end()


def test_what_does_not_fit_is_counted_and_told(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_file, "WRITE_EVERY_S", 60)
    file = TraceFile(path, "test-eu", queue_limit=10)
    make(file, 15)
    file.shutdown()
    assert file.lost == 5
    assert [line["name"] for line in lines_of(path)] == [f"span {number}" for number in range(10)]
    output = capsys.readouterr()
    assert "spans lost" in output.out + output.err


def test_the_file_is_set_aside_once_when_it_is_full(path: Path) -> None:
    file = TraceFile(path, "test-eu", file_limit_bytes=1000)
    for _ in range(20):
        make(file, 1)
        file.force_flush()
    file.shutdown()
    make(file, 1)
    file.shutdown()
    assert file.lost == 0
    kept = path.with_name(path.name + ".1")
    assert kept.stat().st_size < 1500
    assert sum(1 for _ in path.parent.iterdir()) <= 2
    assert lines_of(kept)[0]["name"] == "span 0"


def test_a_disk_that_takes_nothing_costs_spans_only(path: Path) -> None:
    file = TraceFile(path, "test-eu")
    path.mkdir()
    make(file, 3)
    assert not file.force_flush()
    assert file.lost == 3
    path.rmdir()
    make(file, 1)
    assert file.force_flush()
    file.shutdown()
    assert len(lines_of(path)) == 1
