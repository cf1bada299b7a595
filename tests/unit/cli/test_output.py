"""What a command prints, for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from trunkline.cli import watching
from trunkline.cli.output import console, name_of, print_stream, show_list, show_one

ROWS = [{"name": "OFFICE", "version": 2, "note": "a: b", "entries": [1, 2]}, {"name": "31000000", "version": 1, "note": "", "entries": []}]


def shown(capsys: pytest.CaptureFixture[str], output: str) -> str:
    show_list(output, ROWS, ["name"], nothing="none")  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_every_form_of_a_list_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(capsys, "json")) == ROWS
    text = shown(capsys, "yaml")
    assert yaml.safe_load(text) == ROWS and "- name: OFFICE" in text
    assert shown(capsys, "name") == "OFFICE\n31000000\n"
    table, wide = shown(capsys, "table"), shown(capsys, "wide")
    assert "version" not in table and "version" in wide and "entries" not in wide


def test_a_line_of_a_wide_table_is_one_line_however_many_columns_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    row = {f"column_{number:02}": f"a value of {number:02} that takes room" for number in range(40)}
    show_list("wide", [row], ["column_39"], nothing="none")
    head, line = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0].strip() == "column 39" and all(value in line for value in row.values())


def test_an_empty_list_is_said_to_people_and_empty_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    for output, said in (("table", "none\n"), ("json", "[]\n"), ("yaml", "[]\n"), ("name", "")):
        show_list(output, [], ["name"], nothing="none")  # type: ignore[arg-type]
        assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"name": "a", "label": "b"}, "a"),
        ({"label": "acme", "tenant": "t"}, "acme"),
        ({"receipt": {}, "result": {"name": "made"}}, "made"),
        ({"call": "0af"}, "0af"),
        ({"other": 1}, ""),
    ],
)
def test_a_thing_has_the_name_that_commands_take(row: dict[str, object], name: str) -> None:
    assert name_of(row) == name


def test_a_stream_of_yaml_is_one_of_documents(capsys: pytest.CaptureFixture[str]) -> None:
    for row in ROWS:
        print_stream("yaml", row)
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == ROWS


def test_a_thing_alone_is_printed_in_the_form_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    show_one("yaml", ROWS[0])
    assert yaml.safe_load(capsys.readouterr().out) == ROWS[0]


def test_a_list_that_is_watched_is_printed_when_it_has_changed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_S", 0)
    texts = iter(["one", "one", "two", "two", "one"])
    left = [5]

    def looks() -> bool:
        left[0] -= 1
        return left[0] >= 0

    watching.watch(lambda: console.print(next(texts)), looks=looks)
    assert capsys.readouterr().out == "one\ntwo\none\n"


@pytest.mark.parametrize("words", [["acl", "create", "X", "--watch"], ["explain", "acme", "--from", "192.0.2.1", "-w"]])
def test_what_is_no_list_cannot_be_watched(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "trunkline", *words],
        env={"TRUNKLINE_STATE": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2 and "\x1b" not in done.stderr, done.stderr
