"""A process's life, as the supervisor sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sys
from trunkline.runtime.service import run_service
from trunkline.runtime.settings import ServiceSettings

async def note(text):
    print(text, flush=True)

async def start(settings, life):
{body}
    print("up", flush=True)

run_service(ServiceSettings, start)
"""

SETTINGS = """
name = "example"
region = "eu"
realm = "sip.trunkline.test"
state_dir = "{folder}/data"
grpc_listen = "127.0.0.1:0"
nats_url = "nats://127.0.0.1:1"
operator_key_hash = "{hash}"
tls = {{ ca_file = "ca.crt", cert_file = "one.crt", key_file = "one.key" }}
home = "eu"
"""


class Program:
    """A service whose `start` is `body`."""

    def __init__(self, folder: Path, body: str, settings: str = "") -> None:
        (folder / "program.py").write_text(PROGRAM.format(body=textwrap.indent(textwrap.dedent(body), "    ")))
        (folder / "settings.toml").write_text(SETTINGS.format(folder=folder, hash="ab" * 32) + settings)
        self.process = subprocess.Popen(
            [sys.executable, folder / "program.py", "--settings", folder / "settings.toml"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until_up(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n"

    def end(self, number: signal.Signals | None = None) -> tuple[int, str, list[dict[str, object]]]:
        """Exit code, standard output, log lines."""
        if number is not None:
            os.kill(self.process.pid, number)
        output, log = self.process.communicate(timeout=30)
        lines = log.splitlines()
        return self.process.returncode, output, [json.loads(line) for line in lines if line.startswith("{")] or [{"text": log}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_closes_the_last_opened_first(tmp_path: Path, number: signal.Signals) -> None:
    program = Program(
        tmp_path,
        """
        life.on_stop("first", lambda: note("first closed"))
        life.on_stop("second", lambda: note("second closed"))
        life.spawn("for ever", asyncio.Event().wait())
        """,
    )
    program.until_up()
    code, output, log = program.end(number)
    assert (code, output) == (0, "second closed\nfirst closed\n")
    assert [line["event"] for line in log] == ["service started", "service stopped"]


def test_a_background_task_that_fails_ends_the_process_with_the_error(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        """
        async def fail():
            raise ValueError("position 7 does not apply")
        life.on_stop("first", lambda: note("first closed"))
        life.spawn("replica", fail())
        """,
    )
    code, output, log = program.end()
    assert code == 1
    assert output == "up\nfirst closed\n"
    failed = next(line for line in log if line["event"] == "background task failed, the process ends")
    assert failed["task"] == "replica"
    assert "position 7 does not apply" in json.dumps(failed["exception"])


def test_a_failure_to_start_closes_what_was_open_and_is_told(tmp_path: Path) -> None:
    code, output, log = Program(
        tmp_path, 'life.on_stop("first", lambda: note("first closed"))\nraise OSError("grpc_listen 127.0.0.1:1: in use")'
    ).end()
    assert (code, output) == (1, "first closed\n")
    assert "127.0.0.1:1: in use" in json.dumps(log[0])


def test_a_signal_during_a_start_that_hangs_ends_it(tmp_path: Path) -> None:
    program = Program(tmp_path, 'print("up", flush=True)\nawait asyncio.Event().wait()')
    program.until_up()
    code, _, _ = program.end(signal.SIGTERM)
    assert code == 0


def test_a_stop_that_fails_does_not_keep_the_others_from_being_closed(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        """
        async def fail():
            raise OSError("disk full")
        life.on_stop("first", lambda: note("first closed"))
        life.on_stop("second", fail)
        """,
    )
    program.until_up()
    code, output, log = program.end(signal.SIGTERM)
    assert (code, output) == (1, "first closed\n")
    assert any(line["event"] == "stopping failed" and line["part"] == "second" for line in log)


def test_a_stop_that_hangs_is_given_up_and_named(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        """
        from trunkline.runtime import service
        service.STOP_LIMIT_S = 0.2
        life.on_stop("first", lambda: note("first closed"))
        life.on_stop("second", asyncio.Event().wait)
        life.spawn("for ever", asyncio.Event().wait())
        """,
    )
    program.until_up()
    began = time.monotonic()
    code, _, log = program.end(signal.SIGTERM)
    assert code == 1
    assert time.monotonic() - began < 8
    late = next(line for line in log if line["event"] == "stopping took too long")
    assert late["left"] == ["second", "first", "for ever"]


def test_wrong_settings_end_it_with_2_and_say_why(tmp_path: Path) -> None:
    code, output, log = Program(tmp_path, "pass", "regoin = 'eu'\n").end()
    assert (code, output) == (2, "")
    assert "regoin: is not a setting; did you mean 'region'?" in str(log[0]["text"])


def test_the_state_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    program = Program(tmp_path, "")
    program.until_up()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    program.end(signal.SIGTERM)


def test_traces_are_written_where_the_settings_say_also_those_of_the_stop(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        """
        from trunkline.runtime import telemetry
        async def stop():
            with telemetry.span("stopping"):
                pass
        life.on_stop("first", stop)
        """,
        f'traces_file = "{tmp_path}/traces/example.jsonl"\n',
    )
    program.until_up()
    code, _, _ = program.end(signal.SIGTERM)
    assert code == 0
    spans = [json.loads(line) for line in (tmp_path / "traces" / "example.jsonl").read_text().splitlines()]
    assert [(span["name"], span["process"]) for span in spans] == [("stopping", "example")]
