"""The journal through its Python face: what was not acknowledged comes again, after a restart too."""

from __future__ import annotations

import os
import select
from pathlib import Path

from helpers.engine import EngineBench, by_address

from trunkline.engine import JournalChunk, Reject


def one_refused_call(bench: EngineBench, call: str) -> None:
    bench.decide = lambda _: Reject("T401")
    peer = bench.peer()
    peer.send(peer.request(call=call))
    assert peer.final().status == 404


def whole(chunks: list[JournalChunk]) -> bytes:
    return b"".join(chunk.lines for chunk in chunks)


def test_the_eventfd_says_when_there_is_something_to_drain(bench: EngineBench) -> None:
    bench.apply(*by_address())
    while select.select([bench.engine.fileno()], [], [], 0.1)[0]:
        bench.engine.drain()
    one_refused_call(bench, "call-1")
    assert select.select([bench.engine.fileno()], [], [], 5.0)[0], "no wake-up"
    lines = whole(bench.engine.drain())
    assert lines.count(b"\n") == 2 and b'"call-1"' in lines
    assert bench.engine.drain() == []


def test_rewinding_gives_what_was_not_acknowledged(bench: EngineBench) -> None:
    bench.apply(*by_address())
    one_refused_call(bench, "call-1")
    bench.facts(2)
    bench.engine.rewind()
    [first] = bench.engine.drain()
    bench.engine.acknowledge(first.segment, first.offset + len(first.lines))
    assert bench.engine.status()["journal_backlog_bytes"] == 0
    one_refused_call(bench, "call-2")
    facts = bench.facts(2)
    assert facts[0]["attempted"]["sip_call_id"] == "call-2"


def test_lines_of_an_earlier_run_are_drained_first_and_go_when_acknowledged(tmp_path: Path) -> None:
    first = EngineBench(tmp_path)
    first.apply(*by_address())
    one_refused_call(first, "call-1")
    first.close()
    second = EngineBench(tmp_path)
    try:
        second.apply(*by_address())
        one_refused_call(second, "call-2")
        facts = second.facts(4)
        assert [fact["attempted"]["sip_call_id"] for fact in facts if "attempted" in fact] == ["call-1", "call-2"]
        assert len({fact["id"] for fact in facts}) == 4
        second.engine.rewind()
        chunks = second.engine.drain()
        assert len({chunk.segment for chunk in chunks}) == 2
        second.engine.acknowledge(chunks[-1].segment, chunks[-1].offset + len(chunks[-1].lines))
        segments = [name for name in os.listdir(tmp_path / "journal") if name.endswith(".jsonl")]
        assert segments == [f"{chunks[-1].segment}.jsonl"]
    finally:
        second.close()
    third = EngineBench(tmp_path)
    try:
        assert third.engine.drain() == []
    finally:
        third.close()
