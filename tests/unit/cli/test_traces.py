"""Spans of files, as a tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trunkline.cli.commands.traces import of_trace, read_spans, short, tree


def span(number: int, parent: int, name: str = "x", trace_id: str = "a" * 32, **attributes: Any) -> dict[str, Any]:
    parent_id = f"{parent:016x}" if parent else ""
    ids = {"trace_id": trace_id, "span_id": f"{number:016x}", "parent_id": parent_id}
    return {**ids, "name": name, "process": "p", "start_ns": number, "end_ns": number + 1, "attributes": attributes}


def test_parents_come_before_their_children_and_each_level_by_time() -> None:
    spans = [span(5, 1), span(1, 0), span(2, 1), span(3, 2), span(9, 77)]
    assert [(depth, each["start_ns"]) for depth, each in tree(spans)] == [(0, 1), (1, 2), (2, 3), (1, 5), (0, 9)]


def test_a_position_finds_the_trace_of_the_edges_that_applied_it(tmp_path: Path) -> None:
    lines = [
        span(1, 0, "trunkline acl"),
        span(2, 1, "edge.apply", position=7),
        span(3, 0, "other", "b" * 32),
        span(4, 0, "edge.apply", "b" * 32, position=8),
    ]
    (tmp_path / "one.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + '\n{"half')
    spans = read_spans(tmp_path)
    assert [each["start_ns"] for each in of_trace(spans, "7")] == [1, 2]
    assert [each["start_ns"] for each in of_trace(spans, "b" * 32)] == [3, 4]
    assert of_trace(spans, "9") == []


def test_a_methods_name_is_shown_short() -> None:
    assert short("/trunkline.api.provisioning.v1.ProvisioningService/AddAddress") == "ProvisioningService/AddAddress"
    assert short("edge.apply") == "edge.apply"
