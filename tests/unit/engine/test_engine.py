"""The engine's handle: what its constructor refuses, and its life."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from trunkline.engine import Engine, Reject

GOOD: dict[str, Any] = {"edge": "edge-test", "pop": "test1", "realm": "sip.example.com", "listen": [("127.0.0.1", 0)]}


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"realm": 'a"b'}, "realm"),
        ({"realm": ""}, "realm"),
        ({"edge": "an edge"}, "edge"),
        ({"pop": "p\r\nop"}, "pop"),
        ({"listen": []}, "listen"),
        ({"listen": [("localhost", 5060)]}, 'listen: "localhost"'),
        ({"user_agent": "x\r\ny"}, "user_agent"),
        ({"timer_t1_ms": 0}, "timer_t1_ms"),
        ({"decision_limit_ms": 0}, "decision_limit_ms"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, settings: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Engine(**(GOOD | {"journal_dir": str(tmp_path)} | settings))


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = taken.getsockname()
        with pytest.raises(OSError, match=f"127.0.0.1:{address[1]}"):
            Engine(**(GOOD | {"journal_dir": str(tmp_path), "listen": [address]}))


def test_a_journal_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Engine(**(GOOD | {"journal_dir": str(tmp_path / "file" / "journal")}))


def test_an_engine_starts_once_and_stops_any_number_of_times(tmp_path: Path) -> None:
    engine = Engine(**(GOOD | {"journal_dir": str(tmp_path / "a" / "b")}))
    assert os.listdir(tmp_path / "a")
    with pytest.raises(ValueError, match="on_invite"):
        engine.start("not callable")  # type: ignore[arg-type]
    engine.start(lambda _: Reject("T401"))
    with pytest.raises(RuntimeError, match="started before"):
        engine.start(lambda _: Reject("T401"))
    assert engine.live_calls() == []
    assert engine.status()["position"] == 0
    engine.stop()
    engine.stop()
    with pytest.raises(RuntimeError):
        engine.start(lambda _: Reject("T401"))
    address = engine.addresses[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(address)
