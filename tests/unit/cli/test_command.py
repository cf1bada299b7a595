"""The command's face without a platform: usage, durations, exit codes, JSON, how to find the platform."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline import cli
from trunkline.api.events.v1 import commit_pb2, config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli import commands
from trunkline.cli.__main__ import app, run
from trunkline.cli.commands.calls import exit_of as exit_of_call
from trunkline.cli.commands.calls import order_of, seconds
from trunkline.cli.connection import Surroundings
from trunkline.cli.exits import CommandError, Exit, exit_of
from trunkline.cli.output import milliseconds_between, plain
from trunkline.cli.uac.call import Ending, Outcome
from trunkline.lab.supervisor.authority import Authority
from trunkline.runtime.callers import CALLERS
from trunkline.runtime.errors import Problem


def test_a_command_does_not_wait_for_what_it_does_not_need() -> None:
    """People type it hundreds of times a day: half a second, of which each of these would take a tenth."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, trunkline.cli.__main__; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pydantic", "structlog", "nats", "uvloop", "trunkline.lab", "trunkline.cli.commands.access"}.intersection(loaded)


ALONE = """
import os, sys
from trunkline.cli.__main__ import app
for word in sorted(name for name in app if not name.startswith("-")):
    if os.fork() == 0:
        print(word, *sorted(app[word]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""
"""Each command in a process that has loaded nothing of the others."""


def test_a_group_has_all_its_commands_when_it_is_loaded_alone() -> None:
    lines = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True).stdout.splitlines()
    alone = {word: set(names) for word, *names in map(str.split, lines)}
    for module in iter_modules(commands.__path__):
        import_module(f"{commands.__name__}.{module.name}")
    assert alone == {word: set(app[word]) for word in app if not word.startswith("-")}


def test_help_says_of_every_command_what_it_is_for() -> None:
    """In a process that has loaded none of them yet."""
    told = subprocess.run([sys.executable, "-m", "trunkline.cli", "--help"], capture_output=True, text=True, check=True).stdout
    silent = re.findall(r"^│ ([a-z]+)(?: \([a-z]+\))? +│$", told, re.MULTILINE)
    assert "Access control lists" in told and not silent, silent


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["acl", "create"],
        ["acl", "list", "--no-such-option"],
        ["acl", "list", "-o", "xml"],
        ["domain", "digest", "acme"],
        ["domain", "digest", "acme", "MD4"],
        ["domain", "class-of-service", "acme"],
        ["up", "--loopback", "10.1"],
        ["call", "place", "+31", "--as", "acme/1", "--hold", "soon"],
        ["call", "place", "+31 20", "--as", "acme"],
        ["call", "place", "+31\r\nX: y", "--as", "acme"],
        ["call", "place", "+31", "--as", "ac me"],
        ["call", "place", "+31", "--as", "acme", "--privacy", "id\r\nX: y"],
        ["call", "place", "+31", "--as", "acme", "--from-user", "a b"],
        ["call", "list", "--exactly"],
        ["call", "list", "--limit", "0"],
        ["call", "list", "--limit", "-1"],
        ["route", "list", "--limit", "-1"],
        ["events", "tail", "--from-position", "-1"],
        ["acl", "create", "office", "--expect-version", "-1"],
        ["acl", "create", "office", "--expect-version", "18446744073709551616"],
        ["account", "add", "office", "bob", "--request-id", "r1"],
        ["account", "password", "office", "bob", "--request-id", "r1"],
        ["carrier", "create", "alpha", "--pdd-limit-s", "-1"],
        ["carrier", "gateway", "add", "alpha", "a1", "192.0.2.1", "--port", "65536"],
        ["carrier", "gateway", "add", "alpha", "a1", "192.0.2.1", "--priority", "-1"],
        ["carrier", "gateway", "add", "alpha", "a1", "192.0.2.1", "--weight", "5000000000"],
    ],
)
def test_a_mistake_in_usage_is_exit_code_2(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    local = {"pops": {"eu1": {"udp": "127.0.0.1:9"}}, "base_domain": "sip.test"}
    (tmp_path / "local.json").write_text(json.dumps(local))
    monkeypatch.setenv("TRUNKLINE_STATE", str(tmp_path))
    assert run(words) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.err
    assert not captured.out


def test_without_a_platform_it_is_said_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRUNKLINE_STATE", str(tmp_path))
    monkeypatch.delenv("TRUNKLINE_API_KEY", raising=False)
    assert run(["lab", "status"]) == Exit.UNAVAILABLE
    assert "make up" in capsys.readouterr().err
    assert run(["acl", "list"]) == Exit.DENIED
    assert "TRUNKLINE_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("TRUNKLINE_API_KEY", "tk_x")
    assert run(["acl", "list"]) == Exit.UNAVAILABLE
    assert "TRUNKLINE_PROVISIONING" in capsys.readouterr().err
    monkeypatch.setenv("TRUNKLINE_PROVISIONING", "127.0.0.1:1")
    assert run(["acl", "list"]) == Exit.DENIED
    assert "TRUNKLINE_TLS" in capsys.readouterr().err
    Authority.open(tmp_path).issue("client", "client", tmp_path)
    monkeypatch.setenv("TRUNKLINE_TLS", str(tmp_path))
    assert run(["acl", "list"]) == Exit.UNAVAILABLE
    assert "a service does not answer" in capsys.readouterr().err


def test_a_damaged_local_json_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "local.json").write_text("{")
    monkeypatch.setenv("TRUNKLINE_STATE", str(tmp_path))
    assert run(["pop", "list"]) == Exit.ERROR
    assert str(tmp_path / "local.json") in capsys.readouterr().err


WITHOUT_COMMAND = {"Authorize", "GetStatus", "GetTotals"}
"""As docs/cli.md says."""


def test_there_is_a_command_for_everything_that_people_may_ask() -> None:
    source = "".join(path.read_text() for path in Path(cli.__path__[0]).rglob("*.py"))
    methods = {path.rpartition("/")[2] for path, kinds in CALLERS.items() if kinds & {"operator", "tenant"}}
    assert {method for method in methods if not re.search(rf"\.{method}\b", source)} == WITHOUT_COMMAND


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("NOT_FOUND", Exit.NOT_FOUND),
        ("ABORTED", Exit.CONFLICT),
        ("ALREADY_EXISTS", Exit.CONFLICT),
        ("FAILED_PRECONDITION", Exit.CONFLICT),
        ("PERMISSION_DENIED", Exit.DENIED),
        ("UNAUTHENTICATED", Exit.DENIED),
        ("UNAVAILABLE", Exit.UNAVAILABLE),
        ("DEADLINE_EXCEEDED", Exit.UNAVAILABLE),
        ("INVALID_ARGUMENT", Exit.ERROR),
        ("INTERNAL", Exit.ERROR),
    ],
)
def test_each_kind_of_refusal_has_its_exit_code(code: str, expected: Exit) -> None:
    assert exit_of(Problem(code, "", "")) is expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(Ending.HUNG_UP, 200), Exit.OK),
        (Outcome(Ending.HUNG_UP_BY_CALLEE, 200), Exit.OK),
        (Outcome(Ending.REFUSED, 404), Exit.NOT_FOUND),
        (Outcome(Ending.REFUSED, 403), Exit.DENIED),
        (Outcome(Ending.REFUSED, 486), Exit.ERROR),
        (Outcome(Ending.REFUSED, 503), Exit.UNAVAILABLE),
        (Outcome(Ending.NOT_AUTHENTICATED, 407), Exit.DENIED),
        (Outcome(Ending.NO_ANSWER), Exit.UNAVAILABLE),
        (Outcome(Ending.CANCELLED, 487), Exit.OK),
    ],
)
def test_a_placed_calls_exit_code_says_how_it_went(outcome: Outcome, expected: Exit) -> None:
    assert exit_of_call(outcome, was_to_be_cancelled=True) is expected


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("2s", 2), ("1.5", 1.5), ("1m", 60)])
def test_durations_are_read(text: str, value: float) -> None:
    assert seconds(text) == value


def test_messages_become_plain_values_with_every_field() -> None:
    event = commit_pb2.Event(address_added=config_pb2.AddressAdded(cidr="192.0.2.1/32"))
    answer = provisioning.TailEventsResponse(position=2**40, commit=commit_pb2.Commit(id="x", request_hash=b"\x01", events=[event]))
    assert plain(answer) == {
        "position": 2**40,
        "stored_time": None,
        "commit": {
            "id": "x",
            "kind": "",
            "tenant": "",
            "aggregate": "",
            "version": 0,
            "time": None,
            "actor": "",
            "request_id": "",
            "request_hash": "01",
            "events": [{"address_added": {"cidr": "192.0.2.1/32", "caller_id": "", "description": ""}}],
            "trace_parent": "",
            "source": "",
            "person": "",
        },
    }


def test_times_between_clocks_that_differ_are_never_negative() -> None:
    assert milliseconds_between(Timestamp(seconds=5, nanos=500_000), Timestamp(seconds=5, nanos=2_000_000)) == 1.5
    assert milliseconds_between(Timestamp(seconds=6), Timestamp(seconds=5)) == 0


LOCAL = {"base_domain": "sip.test", "demo": {"domain": "acme", "account": "31000000", "password": "known"}}


@pytest.mark.parametrize(
    ("caller", "host", "password"),
    [
        ("acme/31000000", "acme.sip.test", "known"),
        ("acme.eu1.sip.test/31000000", "acme.eu1.sip.test", "known"),
        ("acme", "acme.sip.test", ""),
    ],
)
def test_who_calls_is_domain_and_account(caller: str, host: str, password: str) -> None:
    order = order_of(Surroundings(LOCAL, {}), "+31201234567", caller)
    assert (order.host, order.password) == (host, password)


def test_an_account_without_a_known_password_is_refused() -> None:
    with pytest.raises(CommandError, match="password of 32000000"):
        order_of(Surroundings(LOCAL, {}), "+31201234567", "acme/32000000")
