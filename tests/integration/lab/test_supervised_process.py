"""Real processes under the supervisor's care."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from helpers.platform import wait_for
from helpers.waiting import until

from trunkline.lab.supervisor.control import ControlProblem, ask, serve_control
from trunkline.lab.supervisor.process import MAX_LOG_BYTES, Spec, Status, Supervised

SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")


@dataclass
class Bench:
    process: Supervised
    told: list[str]
    pids: list[int | None] = field(default_factory=list)


@asynccontextmanager
async def supervised(folder: Path, command: tuple[str, ...] = SLEEPER, niceness: int = 0) -> AsyncIterator[Bench]:
    told: list[str] = []
    pids: list[int | None] = []
    spec = Spec("sleeper", command, folder / "sleeper.log", niceness)
    process = Supervised(spec, announce=told.append, on_pid=lambda _, pid: pids.append(pid))
    task = asyncio.create_task(process.run())
    try:
        yield Bench(process, told, pids)
    finally:
        await process.stop()
        await task


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_who_is_behind_others_is_nicer_within_their_session_and_leads_a_group_of_its_own(tmp_path: Path) -> None:
    async with supervised(tmp_path, niceness=5) as bench:
        pid = await until("it runs", lambda: bench.process.pid, limit_s=15)
        assert pid is not None
        mine = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(mine + 5, 19)
        # The kernel weighs niceness among the processes of one session only.
        assert (os.getsid(pid), os.getpgid(pid)) == (os.getsid(0), pid)


async def test_a_killed_process_is_started_again_and_said_so(tmp_path: Path) -> None:
    async with supervised(tmp_path) as bench:
        await until("it runs", lambda: bench.process.pid, limit_s=15)
        first = bench.process.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until("it runs again", lambda: bench.process.pid not in (None, first), limit_s=15)
        assert "sleeper ended (by signal SIGKILL); started again in 0.2 s" in bench.told[0]
        assert bench.pids[:3] == [first, None, bench.process.pid]
        assert bench.process.status().restarts == 1


async def test_a_held_process_stays_away_until_it_is_released(tmp_path: Path) -> None:
    async with supervised(tmp_path) as bench:
        await until("it runs", lambda: bench.process.pid, limit_s=15)
        first = bench.process.pid
        assert first is not None
        await bench.process.hold()
        assert not is_alive(first)
        assert bench.process.status().state == "held"
        assert bench.told == []
        bench.process.release()
        await until("it runs again", lambda: bench.process.pid, limit_s=15)


async def test_a_program_that_does_not_exist_is_said_and_tried_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, ("/nonexistent/program",)) as bench:
        await until("two tries", lambda: len(bench.told) >= 4, limit_s=15)
        assert "cannot be started" in bench.told[0]


async def test_stop_ends_the_whole_group_and_a_deaf_one_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.lab.supervisor.process.STOP_LIMIT_S", 0.5)
    code = (
        "import signal, subprocess, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\nprint(child.pid, flush=True)\ntime.sleep(600)\n"
    )
    log = tmp_path / "sleeper.log"
    async with supervised(tmp_path, (sys.executable, "-c", code)) as bench:
        await until("it has a child", lambda: log.exists() and log.read_text().endswith("\n"), limit_s=15)
        pid, child = bench.process.pid, int(log.read_text())
    assert pid is not None
    await until("both are gone", lambda: not is_alive(pid) and not is_alive(child), limit_s=15)


async def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom trunkline.lab.supervisor.process import Spec, Supervised\n"
        f"spec = Spec('sleeper', {SLEEPER!r}, Path(sys.argv[1]))\n"
        "asyncio.run(Supervised(spec, announce=print, on_pid=lambda _, pid: print(pid, flush=True)).run())\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code, tmp_path / "log"], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid = int(await asyncio.to_thread(supervisor.stdout.readline))
    assert is_alive(pid)
    supervisor.kill()
    supervisor.communicate()
    await asyncio.to_thread(wait_for, "the child is gone", lambda: not is_alive(pid))


async def test_a_log_that_grew_too_long_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "sleeper.log"
    log.write_bytes(b"x")
    os.truncate(log, MAX_LOG_BYTES + 1)
    process = Supervised(Spec("sleeper", SLEEPER, log), announce=print, on_pid=lambda *_: None)
    process.bound_log()
    assert (log.stat().st_size, (tmp_path / "sleeper.log.1").stat().st_size) == (0, MAX_LOG_BYTES + 1)


async def test_the_control_socket_answers_refuses_and_is_found_in_a_deep_folder(tmp_path: Path) -> None:
    asked: list[tuple[str, list[str]]] = []

    async def perform(action: str, names: list[str]) -> list[Status]:
        if "nobody" in names:
            raise ValueError("there is no process nobody")
        asked.append((action, names))
        return [Status("auth", "held", None, 2, 0.0)]

    path = tmp_path / ("deep" * 30) / "control.sock"
    path.parent.mkdir()
    with pytest.raises(ControlProblem, match="is it running"):
        await ask(path, "status", [])
    async with serve_control(path, perform):
        assert path.stat().st_mode & 0o077 == 0
        assert await ask(path, "hold", ["auth"]) == [{"name": "auth", "state": "held", "pid": None, "restarts": 2, "uptime_s": 0.0}]
        with pytest.raises(ControlProblem, match="no process nobody"):
            await ask(path, "hold", ["nobody"])
        with pytest.raises(ControlProblem, match="'do' is one of"):
            await ask(path, "dance", [])
    assert asked == [("hold", ["auth"])]
    assert not path.exists()
