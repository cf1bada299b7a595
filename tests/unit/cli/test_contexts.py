"""Contexts: kept in a file of one's own, chosen by the line, the environment or `use`, in that order."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from trunkline.cli.__main__ import run
from trunkline.cli.connection import surroundings
from trunkline.cli.contexts import Context, Contexts, read_contexts, write_contexts
from trunkline.cli.exits import CommandError, Exit


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings" / "contexts.json"
    monkeypatch.setenv("TRUNKLINE_CONTEXTS", str(path))
    for name in ("TRUNKLINE_CONTEXT", "TRUNKLINE_STATE", "TRUNKLINE_API_KEY"):
        # Set first, so that what a command sets is undone after the test.
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(tmp_path)
    return path


def test_a_context_is_added_used_and_removed(file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_API_KEY", "tk_secret")
    words = ["--provisioning", "192.0.2.1:7000", "--edge", "edge-eu1=192.0.2.2:7000", "--base-domain", "sip.test", "--key"]
    assert run(["context", "add", "prod", *words]) == Exit.OK
    assert run(["context", "add", "lab", "--state", "here"]) == Exit.OK
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_contexts().current == "prod"
    around = surroundings()
    monkeypatch.setenv("TRUNKLINE_API_KEY", "")
    assert (around.address("provisioning"), around.address("edge-eu1"), around.base_domain) == (
        "192.0.2.1:7000",
        "192.0.2.2:7000",
        "sip.test",
    )
    assert around.key(is_operator=False) == "tk_secret"
    assert run(["context", "list", "-o", "json"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "tk_secret" not in shown
    assert [row["name"] for row in json.loads(shown.splitlines()[-1])] == ["prod", "lab"]
    assert run(["context", "use", "lab"]) == Exit.OK and read_contexts().current == "lab"
    assert run(["context", "remove", "lab"]) == Exit.OK and read_contexts() == Contexts("", {"prod": read_contexts().contexts["prod"]})


def test_the_line_goes_before_the_environment_and_that_before_the_one_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "local.json").write_text(json.dumps({"base_domain": f"{name}.test"}))
    write_contexts(Contexts("one", {name: Context(state=str(tmp_path / name)) for name in ("one", "two", "three")}))
    assert surroundings().base_domain == "one.test"
    monkeypatch.setenv("TRUNKLINE_CONTEXT", "two")
    assert surroundings().base_domain == "two.test"
    run(["--context", "three", "context", "list"])
    assert surroundings().base_domain == "three.test"
    run(["context", "list", "--context=one"])
    assert surroundings().base_domain == "one.test"


def test_the_folder_of_a_platform_that_is_named_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_contexts(Contexts("far", {"far": Context(services={"provisioning": "192.0.2.1:7000"}, base_domain="far.test")}))
    (tmp_path / "local.json").write_text(json.dumps({"base_domain": "near.test"}))
    monkeypatch.setenv("TRUNKLINE_STATE", str(tmp_path))
    assert surroundings().base_domain == "near.test"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["context", "use"], Exit.USAGE),
        (["context", "use", "none"], Exit.NOT_FOUND),
        (["context", "remove", "none"], Exit.NOT_FOUND),
        (["context", "add", "x"], Exit.USAGE),
        (["context", "add", "x", "--state", "a", "--routing", "b:1"], Exit.USAGE),
        (["context", "add", "x", "--edge", "eu1"], Exit.USAGE),
        (["context", "add", "x", "--routing", "b:1", "--key"], Exit.USAGE),
        (["acl", "list", "--context"], Exit.USAGE),
        (["acl", "list", "--context", "none"], Exit.NOT_FOUND),
    ],
)
def test_what_is_wrong_is_told_by_its_exit_code(words: list[str], code: Exit) -> None:
    assert run(words) == code


def test_a_damaged_file_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("{}")
    with pytest.raises(CommandError, match=r"contexts\.json cannot be read"):
        read_contexts()
