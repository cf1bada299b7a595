import sys
from pathlib import Path

import pytest

from trunkline.dns.copies import Change, Copy, Held, Key
from trunkline.dns.holders import HolderProblem
from trunkline.dns.zone_file import ZoneFile
from trunkline.domain.events import Position

KEY: Key = ("acme.sip.example.com", "A")
WANTED = {KEY: Held(30, frozenset({"192.0.2.1"}))}


async def test_a_command_that_failed_is_run_again_though_the_file_is_written(tmp_path: Path) -> None:
    path, tried, told = (tmp_path / name for name in ("zone", "tried", "told"))
    code = f"""import pathlib, sys
tried = pathlib.Path({str(tried)!r})
tried.exists() or (tried.touch(), sys.exit(3))
pathlib.Path({str(told)!r}).touch()"""
    holder = ZoneFile(path, [sys.executable, "-c", code], "sip.example.com", [("ns1", ["192.0.2.53"])])
    with pytest.raises(HolderProblem, match="ended with 3"):
        await holder.write([Change(KEY, None, WANTED[KEY])], WANTED, None, Position(7))
    assert path.exists() and not told.exists()
    assert await holder.read() == Copy(Position(7), WANTED)
    assert told.exists()
