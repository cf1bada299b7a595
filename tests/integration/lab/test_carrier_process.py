"""The carrier as a process, called by SIPp."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import sipp
from helpers.lab_carrier import Carrier, running

BIN = Path(sys.executable).parent


@pytest.fixture(params=["127.0.0.1", "::1"])
def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Carrier]:
    with running(tmp_path, request.param) as carrier:
        yield carrier


def test_calls_are_answered_ended_and_logged_whole(carrier: Carrier, tmp_path: Path) -> None:
    local = "::1" if "::1" in carrier.target else "127.0.0.1"
    host = "carrier.test"
    answered = sipp.answered_call(sipp.Caller(host=host, number="31201234567"))
    sipp.run(tmp_path / "answered", answered, target=carrier.target, local_address=local).must_succeed(1)
    busy = sipp.refused_call(sipp.Caller(host=host, number="31201234486"), 486, "Busy Here")
    sipp.run(tmp_path / "busy", busy, target=carrier.target, local_address=local).must_succeed(1)
    messages = carrier.log.read_bytes()
    for method in (b"INVITE", b"ACK", b"BYE"):
        assert b" bytes\n" + method + b" sip:" in messages
    assert b"a=rtpmap:8 PCMA/8000" in messages


@pytest.mark.parametrize("carrier", ["127.0.0.1"], indirect=True)
def test_five_hundred_calls_a_second_are_sustained(carrier: Carrier, tmp_path: Path) -> None:
    steps = sipp.answered_call(sipp.Caller(host="127.0.0.1", number="31201234567"))
    result = sipp.run(tmp_path / "load", steps, target=carrier.target, local_address="127.0.0.1", calls=5000, rate=500, is_logged=False)
    result.must_succeed(5000)
    ticks = os.sysconf("SC_CLK_TCK")
    fields = Path(f"/proc/{carrier.process.pid}/stat").read_text().rpartition(")")[2].split()
    cpu_us = (int(fields[11]) + int(fields[12])) / ticks * 1e6 / 5000
    print(f"{cpu_us:.0f} us of CPU a call, {result.retransmissions} retransmissions")


def test_settings_with_a_fault_are_refused_naming_file_key_and_why(tmp_path: Path) -> None:
    settings = tmp_path / "carrier.toml"
    settings.write_text('name = "carrier-alpha"\nhost = "127.0.0.1"\nprt = 5060\nmessage_log = "x.log"\n')
    done = subprocess.run(
        [sys.executable, "-m", "trunkline.lab.carrier", "--settings", settings], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert f"{settings}: prt: is not a setting; did you mean 'port'?" in done.stderr
