"""The journal through its Python face: what was not acknowledged comes again, after a restart too."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
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


def test_strangers_are_counted_and_not_recorded(tmp_path: Path) -> None:
    first = EngineBench(tmp_path)
    peer = first.peer()
    for number in range(3):
        peer.send(peer.request(host="nobodys.sip.example.com", call=f"call-{number}"))
        assert peer.receive().status == 403
    peer.send("nothing of SIP")
    first.status_when("malformed", 1)
    first.close()
    second = EngineBench(tmp_path)
    try:
        second.facts(2)
        second.engine.rewind()
        facts = [json.loads(line) for line in whole(second.engine.drain()).splitlines()]
        assert all(set(fact) == {"id", "time_ns", "counted"} for fact in facts)
        totals: dict[tuple[str, str], int] = {}
        # A minute that ends meanwhile makes two rows of one.
        for row in (fact["counted"] for fact in facts):
            totals[row["source"], row["what"]] = totals.get((row["source"], row["what"]), 0) + row["number"]
            assert row["minute_ns"] % 60_000_000_000 == 0
        assert totals == {("127.0.0.1", "unknown domain"): 3, ("127.0.0.1", "malformed"): 1}
    finally:
        second.close()


FULL_DISK = """
import resource, sys
from pathlib import Path
from helpers.engine import EngineBench, by_address
from trunkline.engine import Reject
bench = EngineBench(Path(sys.argv[1]), journal_segment_bytes=1)
bench.apply(*by_address())
bench.decide = lambda _: Reject("T401")
peer = bench.peer()
statuses = []
def call(number):
    peer.send(peer.request(call=f"call-{number}"))
    statuses.append(peer.final().start_line)
call(0)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
call(1)
call(2)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
call(3)
bench.engine.rewind()
lines = b"".join(chunk.lines for chunk in bench.engine.drain())
print("|".join(statuses), [n for n in range(4) if f'"call-{n}"'.encode() in lines], bench.engine.status()["journal_failures"] > 0)
bench.close()
"""


def test_a_disk_that_takes_no_facts_refuses_calls_until_it_does_and_loses_none(tmp_path: Path) -> None:
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tests)!r})\n{FULL_DISK}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    no_route, overloaded = "SIP/2.0 404 No Route T401", "SIP/2.0 503 Overloaded T902"
    assert done.stdout == f"{no_route}|{overloaded}|{overloaded}|{no_route} [0, 1, 3] True\n", done
    assert "the journal takes no facts" in done.stderr
