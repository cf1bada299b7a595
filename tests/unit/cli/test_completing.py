"""Completion without a platform: scripts that the shells take, and nothing but names at the prompt."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from trunkline.cli.__main__ import app, run
from trunkline.cli.contexts import Context, Contexts, write_contexts


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_asks_for_names(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "trunkline" in script and "__complete" in script
    if shutil.which(shell):
        path = tmp_path / "script"
        path.write_text(script)
        checked = subprocess.run([shell, "-n", path], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_a_script_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "completions" / "trunkline"
    assert run(["completion", "bash", "--install", str(path)]) == 0
    assert path.read_text().rstrip() == app.generate_completion(prog_name="trunkline", shell="bash").rstrip()


def test_names_that_cannot_be_asked_for_are_not_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRUNKLINE_STATE", str(tmp_path))
    assert run(["__complete", "acl", "show", ""]) == 0
    said = capsys.readouterr()
    assert (said.out.strip("\n"), said.err) == ("\x1fbegin", "")


def test_contexts_are_completed_from_their_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRUNKLINE_CONTEXTS", str(tmp_path / "contexts.json"))
    write_contexts(Contexts("", {"prod": Context(state="a"), "lab": Context(state="b")}))
    run(["__complete", "context", "use", ""])
    assert {"prod", "lab"} <= set(capsys.readouterr().out.split())


def _commands(of: App, words: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    names = [name for name in of if not name.startswith("-")]
    if not names:
        yield " ".join(words), of
    for name in names:
        yield from _commands(of[name], (*words, name))


KNOWN = {
    "--acl", "--domain", "--label", "--pop", "--tenant", "--carrier", "--deck", "--region", "--wait", "--call", "--reason", "--gateway",
}  # fmt: skip
"""Options that name what the service knows, or words of a fixed set."""
NEW = {"domain create --label", "ban add --reason", "usage --interval"}
"""What is made up, or free text."""


def test_whatever_names_something_that_there_is_is_completed() -> None:
    missing = [
        f"{command} {argument.names[0]}"
        for command, app_of in _commands(app)
        for argument in app_of.assemble_argument_collection()
        if argument.names
        and argument.names[0] in KNOWN
        and not argument.parameter.completer
        and f"{command} {argument.names[0]}" not in NEW
    ]
    assert missing == []


def test_lists_can_be_watched_and_what_is_shown_has_every_form() -> None:
    """kubectl's habits: every list takes -w, and every command that answers takes -o."""
    silent = ("lab", "context", "completion", "up", "demo", "dashboard", "export", "call export", "call watch", "trace")
    for command, app_of in _commands(app):
        names = {name for argument in app_of.assemble_argument_collection() for name in argument.names}
        if command.split()[-1] in ("list", "history", "live", "decks", "unrecorded", "usage") and not command.startswith("context"):
            assert "--watch" in names, command
        if not command.startswith(silent):
            assert "--output" in names, command
