"""Platforms of tests that run beside one another: each has addresses of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import platform
from helpers.platform import free_loopback

HELPERS = Path(platform.__file__).parents[1]


def test_a_range_is_nobody_elses_until_it_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = free_loopback()
    octet = int(mine.partition(".")[2])
    only_mine = f"import random; random.sample = lambda *_: [{octet}]\nfrom helpers.platform import free_loopback\nprint(free_loopback())"
    command = [sys.executable, "-c", only_mine]

    def of_another_process() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env={"PYTHONPATH": str(HELPERS)}, capture_output=True, text=True, timeout=60, check=False)

    assert "no free loopback range" in of_another_process().stderr
    monkeypatch.setattr("random.sample", lambda *_: [octet])
    with pytest.raises(AssertionError, match="no free loopback range"):
        free_loopback()
    expected = str.__str__(mine) + "\n"
    del mine
    assert of_another_process().stdout == expected
