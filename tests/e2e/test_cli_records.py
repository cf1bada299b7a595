"""Calls on the command line: lists by every filter that the service has, exports, figures."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.platform import BIN, Platform, wait_for


@pytest.fixture(scope="module")
def calls(platform: Platform) -> dict[str, dict[str, Any]]:
    """One answered and one refused call, by what became of them."""
    numbers = {"answered": "+31208765100", "refused": "+999876510"}
    for number in numbers.values():
        platform.cli("call", "place", number, "--as", "acme/31000000", "--hold", "50ms", check=False)

    def known() -> dict[str, dict[str, Any]] | None:
        rows = platform.json("call", "list", "--number", "+31208765100") + platform.json("call", "list", "--number", "999876510")
        found = {row["outcome"]: row for row in rows}
        return found if found.keys() == numbers.keys() else None

    return wait_for("both records", known, every_s=0.2)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--number", "+3120876"], {"answered"}),
        (["--number", "99987"], {"refused"}),
        (["--number", "+31208765100", "--exactly"], {"answered"}),
        (["--number", "+3120876", "--exactly"], set()),
        (["--since", "1h", "--outcome", "refused"], {"refused"}),
        (["--until", "1d"], set()),
        (["--pop", "eu1", "--account", "31000000"], {"answered", "refused"}),
        (["--pop", "us1"], set()),
        (["--carrier", "alpha", "--caller", "+31000000"], {"answered"}),
        (["--account", "nobody"], set()),
        (["--outcome", "live"], set()),
        (["--outcome", "trying"], set()),
    ],
)
def test_every_filter_of_the_service_is_one_of_the_list(
    platform: Platform, calls: dict[str, dict[str, Any]], words: list[str], expected: set[str]
) -> None:
    found = {row["call"] for row in platform.json("call", "list", "--limit", "1000", *words)}
    assert {outcome for outcome, row in calls.items() if row["call"] in found} == expected


def test_a_wide_list_has_every_column_and_a_line_for_each_call(platform: Platform, calls: dict[str, dict[str, Any]]) -> None:
    head, row = platform.cli("call", "list", "--number", "+31208765100", "--limit", "1", "-o", "wide").stdout.splitlines()
    single = [name for name, value in calls["answered"].items() if not isinstance(value, list)]
    assert [name for name in single if name.replace("_", " ") not in head] == []
    assert calls["answered"]["sip_call_id"] in row
    assert "number format" in platform.cli("carrier", "list", "-o", "wide").stdout


def test_an_export_is_the_services_file_as_it_is(platform: Platform, calls: dict[str, dict[str, Any]]) -> None:
    rows = list(csv.DictReader(io.StringIO(platform.cli("call", "export", "--number", "999876510").stdout)))
    assert calls["refused"]["call"] in [row["call"] for row in rows] and {row["reason"] for row in rows} == {"T404"}
    lines = platform.cli("call", "export", "--format", "jsonl", "--number", "+31208765100").stdout.splitlines()
    assert calls["answered"]["call"] in [json.loads(line)["call"] for line in lines]
    assert platform.cli("call", "export", "--since", "yesterday", check=False).returncode == 2


def test_attempts_are_watched_as_they_come_and_change(platform: Platform, calls: dict[str, dict[str, Any]]) -> None:
    watching = subprocess.Popen(
        [BIN / "trunkline", "call", "watch", "--recent", "100", "-o", "json"],
        env={**os.environ, "TRUNKLINE_STATE": str(platform.state), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    try:
        # The newest of before come first: it watches.
        seen = next(json.loads(line) for line in watching.stdout if json.loads(line)["call"] == calls["refused"]["call"])
        assert (seen["outcome"], seen["reason"]) == ("refused", "T404")
        platform.cli("call", "place", "+31208765100", "--as", "acme/31000000", "--hold", "50ms")
        known = {row["call"] for row in calls.values()}
        ended = next(row for row in map(json.loads, watching.stdout) if row["call"] not in known and row["outcome"] == "answered")
        assert ended["number"] == "+31208765100"
    finally:
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130, "as shells have it of a command that Ctrl-C ended"


def test_figures_are_shown_to_people_and_written_for_programs(platform: Platform, calls: dict[str, dict[str, Any]]) -> None:
    whole = platform.json("usage", "--since", "1h")
    assert whole["total"]["answered"] >= 1 and whole["total"]["refused"] >= 1
    rows = list(csv.DictReader(io.StringIO(platform.cli("usage", "--since", "1h", "-o", "csv").stdout)))
    assert [int(row["attempts"]) for row in rows] == [each["attempts"] for each in whole["intervals"]]
    wide = platform.cli("usage", "-o", "wide").stdout
    assert "in all" in wide and " %" in wide and "EUR" in wide and all(name in wide for name in ("ASR", "ACD", "PDD", "SER", "ISA", "SCR"))
    assert platform.cli("usage", "--domain", "nobody").stdout == "no call in that time\n"


def test_how_many_calls_would_be_decided_otherwise_is_asked_as_of_now_and_with_changes_that_nobody_has_made(
    platform: Platform, calls: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "germany.yaml"
    file.write_text("domains:\n  acme:\n    class_of_service: {countries: [DE]}\n")
    before = platform.json("domain", "show", "acme")

    def groups(*words: str) -> dict[tuple[str, str], list[str]]:
        answer = platform.json("explain", "--since", "1h", *words)
        assert answer["calls"] == answer["same"] + answer["changed"] + answer["left_out"]
        return {(each["old_reason"], each["new_reason"]): [call["call"] for call in each["examples"]] for each in answer["groups"]}

    answered = calls["answered"]["call"]
    assert answered not in [call for found in groups().values() for call in found]
    assert answered in groups("--with", str(file))["", "T301"]
    acl = platform.local["demo"]["acl"]
    assert platform.json("explain", "acme", "--since", "1h", "--with", f"detach {acl}")["assumed"] == [f"the ACL {acl} detached from acme"]
    shown = platform.cli("explain", "--since", "1h", "--with", str(file)).stdout
    assert " calls would now be refused" in shown and "admitted → refused (T301 Destination Not Allowed)" in shown and answered in shown
    differs = platform.cli("diff", "-f", str(file), "--since", "1h", check=False)
    assert differs.returncode == 7 and " calls would now be refused" in differs.stdout
    assert platform.json("domain", "show", "acme") == before, "nothing was written"
    cut = platform.json("explain", "--since", "1h", "--most", "1")
    assert (cut["calls"], cut["is_cut"]) == (1, True)
    for words in (["--since", "1h", "--from", "127.0.0.1"], ["--since", "1h", "--with", "detach X"], ["acme", "--with", str(file)]):
        assert platform.cli("explain", *words, check=False).returncode == 2
    assert platform.cli("explain", "--since", "1h", "--most", "10001", check=False).returncode == 1


def test_a_call_costs_what_the_deck_said_when_it_was_placed(platform: Platform, tmp_path: Path) -> None:
    """The deck is replaced while the call is in progress: that is for the next one."""

    def import_deck(rate: str) -> None:
        deck = tmp_path / "deck.csv"
        head = "prefix,carrier,priority,weight,rate,destination,increments"
        deck.write_text(f"{head}\n312019997,alpha,0,1,{rate},Rated,600/600\n")
        platform.cli("deck", "import", "ratedtwice", str(deck), "--currency", "EUR", "--wait")

    def of(number: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = platform.json("call", "list", "--number", number, "--exactly")
        return found

    import_deck("0.6")
    before, after = "+31201999710", "+31201999720"
    words = [BIN / "trunkline", "call", "place", before, "--as", "acme/31000000", "--hold", "600"]
    caller = subprocess.Popen(words, env={**os.environ, "TRUNKLINE_STATE": str(platform.state)}, stdout=subprocess.PIPE)
    try:
        wait_for("the call in progress", lambda: [row["outcome"] for row in of(before)] == ["live"])
        import_deck("6")
        platform.cli("call", "hang-up", of(before)[0]["call"])
        caller.communicate(timeout=30)
    finally:
        if caller.poll() is None:
            caller.kill()
            caller.communicate()
    wait_for("its end", lambda: [row["outcome"] for row in of(before)] == ["answered"])
    platform.cli("call", "place", after, "--as", "acme/31000000", "--hold", "50ms")
    wait_for("the next one's end", lambda: [row["outcome"] for row in of(after)] == ["answered"])
    priced = [(row["billed_s"], row["price_micros"], row["currency"]) for number in (before, after) for row in of(number)]
    assert priced == [(600, 6_000_000, "EUR"), (600, 60_000_000, "EUR")]
    # Nor is it another call when it is decided again as of then.
    assert platform.json("explain", "--call", of(before)[0]["call"])["differences"] == []
