"""One supervised process: started, started again when it dies, held, ended.

It is the leader of its own process group, so that Ctrl-C reaches the supervisor alone, and the kernel kills it when the supervisor dies
(PR_SET_PDEATHSIG), even by kill -9. All are of one session: Linux weighs niceness only within one (sched(7), autogroups).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from subprocess import SubprocessError

from trunkline.lab.supervisor.backoff import Backoff

STOP_LIMIT_S = 10.0
"""From SIGTERM to SIGKILL; services take at most 8 s of their own."""
MAX_LOG_BYTES = 64 * 1024 * 1024
"""Then a log goes on in an empty file and the old content is NAME.log.1."""
NOT_STARTED = 127
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class State(Enum):
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting to be restarted"
    HELD = "held"
    FROZEN = "frozen"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Spec:
    """`command` is what runs; its output goes to `log`. `niceness` as in nice(2), 0 to 19: who has a higher one waits for the others."""

    name: str
    command: Sequence[str]
    log: Path
    niceness: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    name: str
    state: str
    pid: int | None
    restarts: int
    uptime_s: float


class Supervised:
    """`announce` tells people; `on_pid` is called with each new process id, and None when it ended."""

    def __init__(self, spec: Spec, *, announce: Callable[[str], None], on_pid: Callable[[str, int | None], None]) -> None:
        self.spec = spec
        self._announce = announce
        self._on_pid = on_pid
        self._process: asyncio.subprocess.Process | None = None
        self._state = State.STARTING
        self._wanted = True
        self._stopping = False
        self._changed = asyncio.Event()
        self._backoff = Backoff()
        self._restarts = 0
        self._started_s = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def status(self) -> Status:
        uptime_s = time.monotonic() - self._started_s if self._process is not None else 0.0
        return Status(self.spec.name, self._state.value, self.pid, self._restarts, round(uptime_s, 1))

    async def kill(self) -> None:
        """kill -9; returns when it is gone. It is restarted."""
        await self._end(signal.SIGKILL)

    async def hold(self) -> None:
        """kill -9; returns when it is gone. It is not restarted before `release`."""
        self._wanted = False
        self._changed.set()
        await self._end(signal.SIGKILL)
        self._state = State.HELD

    def release(self) -> None:
        """Starts a held process, or at once one that waits."""
        self._wanted = True
        self._backoff = Backoff()
        self._changed.set()

    def freeze(self) -> None:
        """SIGSTOP: it keeps its sockets and answers nothing, until `thaw`."""
        if self._process is not None and self._state in (State.RUNNING, State.FROZEN):
            self._signal(signal.SIGSTOP)
            self._state = State.FROZEN

    def thaw(self) -> None:
        if self._state is State.FROZEN:
            self._signal(signal.SIGCONT)
            self._state = State.RUNNING

    async def restart(self) -> None:
        """SIGTERM, after a limit SIGKILL; returns when it is gone. It is started again."""
        self._wanted = True
        self._backoff = Backoff()
        await self._end(signal.SIGTERM)

    async def stop(self) -> None:
        """SIGTERM, after a limit SIGKILL; returns when it is gone."""
        self._stopping = True
        self._changed.set()
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        self._signal(number)
        # A frozen process would keep the signal for when it is thawed.
        self._signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await process.wait()
        except TimeoutError:
            self._announce(f"{self.spec.name} did not end within {STOP_LIMIT_S:.0f} s and is killed")
            self._signal(signal.SIGKILL)
            await process.wait()

    async def run(self) -> None:
        """Keeps it running until `stop`."""
        while not self._is_stopping():
            if not self._wanted:
                self._state = State.HELD
                await self._change()
                continue
            code = await self._run_once()
            if self._is_stopping() or not self._wanted:
                continue
            delay_s = self._backoff.delay_s(time.monotonic() - self._started_s)
            self._restarts += 1
            self._state = State.WAITING
            self._announce(f"{self.spec.name} ended ({_how(code)}); started again in {delay_s:.1f} s; its log: {self.spec.log}")
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._change()
        self._state = State.ENDED

    def _is_stopping(self) -> bool:
        return self._stopping

    async def _change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    async def _run_once(self) -> int:
        """The exit code, negative for a signal; 127 where it could not be started at all."""
        parent = os.getpid()
        self._started_s = time.monotonic()
        self._state = State.STARTING
        try:
            with self.spec.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self.spec.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=lambda: _become(parent, self.spec.niceness),
                )
        except (OSError, SubprocessError) as error:
            self._announce(f"{self.spec.name} cannot be started: {error}")
            return NOT_STARTED
        self._state = State.RUNNING
        self._on_pid(self.spec.name, self._process.pid)
        if self._stopping or not self._wanted:
            # stop() or hold() came while it was being started and found nobody to signal
            self._signal(signal.SIGKILL)
        code = await self._process.wait()
        self._process = None
        self._on_pid(self.spec.name, None)
        return code

    def _signal(self, number: signal.Signals) -> None:
        """To the whole group, so that a process's own children end with it."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def bound_log(self) -> None:
        """Copies a log that became too long to NAME.log.1 and empties it; what is written in between is lost. For a thread."""
        log = self.spec.log
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"by signal {signal.Signals(-code).name}"


def _become(parent: int, niceness: int) -> None:
    """In the child, before it is the program."""
    os.setpgrp()
    os.nice(niceness)
    if _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != parent:
        os._exit(NOT_STARTED)
