"""A route deck as operators have them, by the command on a terminal: a bar, within memory, and every edge routes by it afterwards."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.platform import BIN, Platform, wait_for

DECK = "large"
FIRST = 3_100_000
"""Prefixes of seven digits, of the Netherlands and Belgium; longer than those of the demonstration's deck, so they win."""
IMPORT_LIMIT_S = 300
COMMAND_MOST_MB = 200
"""Of 200,000 rows it takes 91, the file (12) among them."""
ROUTING_MOST_MB = 700
"""Of 200,000 rows it takes 260, and 345 where as many are replaced: the file, its rows, and those that routes go by."""


@pytest.fixture
def emptied(one_pop: Platform) -> Iterator[Platform]:
    """Afterwards the deck has one row."""
    yield one_pop
    small = one_pop.state / "small.csv"
    small.write_text(f"{HEADER}{FIRST},alpha,0,1,0.5,Nowhere,60/6,0.01\n")
    one_pop.cli("deck", "import", DECK, str(small), timeout_s=IMPORT_LIMIT_S)


HEADER = "prefix,carrier,priority,weight,rate,destination,increments,connection_fee\n"


def written(folder: Path, rows: int) -> Path:
    path = folder / "deck.csv"
    lines = (f"{FIRST + n},{('alpha', 'beta')[n % 2]},0,1,{0.001 + n % 997 / 10_000:.4f},Destination {n},60/6,0.01\n" for n in range(rows))
    path.write_text(HEADER + "".join(lines))
    return path


def peak_mb(pid: int) -> int:
    """Of a process that runs; 0 for one that has ended. What wait4(2) says of a child is at least what its parent had when it began."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) >> 10 if found else 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("rows", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_a_deck_is_imported_with_a_bar_and_routed_by(emptied: Platform, rows: int, tmp_path: Path) -> None:
    platform = emptied
    path = written(tmp_path, rows)
    reader, writer = pty.openpty()
    around = {**os.environ, "TRUNKLINE_STATE": str(platform.state), "TERM": "xterm", "COLUMNS": "120"}
    command = [BIN / "trunkline", "deck", "import", DECK, str(path), "--wait", "-o", "json"]
    with subprocess.Popen(command, env=around, stdout=subprocess.PIPE, stderr=writer) as process:
        os.close(writer)
        drawn: list[bytes] = []
        peaks_mb: list[int] = []
        drawing = threading.Thread(target=_read, args=(reader, drawn, lambda: peaks_mb.append(peak_mb(process.pid))))
        drawing.start()
        assert process.stdout is not None
        told = process.stdout.read()
        drawing.join()
    bar = b"".join(drawn)
    assert process.returncode == 0, bar[-2_000:]
    answer = json.loads(told)
    assert answer["result"]["rows"] == rows and all(each["is_applied"] for each in answer["applied"])
    # One line more than rows: the header.
    checked, filled = ({int(done) for done, of in re.findall(rb"(\d+)/(\d+)", bar) if int(of) == total} for total in (rows + 1, rows))
    # A quick machine is done with the smaller one between a few looks.
    least = 3 if rows >= 100_000 else 1
    assert min(len(checked), len(filled)) >= least, f"the bar has shown {sorted(checked)} lines and {sorted(filled)} rows"
    platform.refresh()
    memory = {"command": max(peaks_mb), "routing": peak_mb(platform.local["pids"]["routing-eu"])}
    assert memory["command"] < COMMAND_MOST_MB and memory["routing"] < ROUTING_MOST_MB, memory

    last = FIRST + rows - 1
    resolved = platform.json("route", "resolve", f"+{last}100")
    assert (resolved["prefix"], resolved["destination"]) == (str(last), f"Destination {rows - 1}")
    call = platform.json("call", "place", f"+{last}100", "--as", "acme/31000000", "--hold", "50ms")
    assert call["status"] == 200

    def record() -> str:
        found = [row for row in platform.json("call", "list", "--limit", "10") if row["sip_call_id"] == call["sip_call_id"]]
        return str(found[0]["prefix"]) if found else ""

    assert wait_for("the record of a call by the new deck", record, every_s=0.5) == str(last)


def _read(reader: int, drawn: list[bytes], look: Callable[[], None]) -> None:
    """Until the other side is closed, which a terminal tells by an error. `look` is called as long as the process that draws is there."""
    try:
        while chunk := os.read(reader, 65_536):
            drawn.append(chunk)
            look()
    except OSError:
        pass
    finally:
        os.close(reader)
