"""A process's life: settings, logs, event loop, signals, background tasks, clean stop.

    def main() -> None:
        run_service(AuthSettings, start)

    async def start(settings: AuthSettings, life: Lifecycle) -> None:
        ...                                    # open what is needed; each thing opened registers how it is closed
        life.on_stop("replica", replica.close)
        life.spawn("replica", replica.run())   # if it ends in an error, the process does

The process ends with 0 after SIGTERM or SIGINT, with 1 after a crash (the supervisor restarts it), with 2 for settings that are wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from trunkline.runtime.logs import configure_logs, logger
from trunkline.runtime.settings import ProcessSettings, SettingsError, load_settings

STOP_LIMIT_S = 8.0
"""All of stopping; Kubernetes kills after 30 s, the supervisor of one machine after 10 s."""

S = TypeVar("S", bound=ProcessSettings)
Stop = Callable[[], Awaitable[object]]
Start = Callable[[S, "Lifecycle"], Awaitable[None]]


class Lifecycle:
    """What runs in a process and how it is ended. Belongs to one event loop."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()
        self._stops: list[tuple[str, Stop]] = []
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._failure: tuple[str, BaseException] | None = None
        self._log = logger("service")

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs `work` until it ends or the process stops (then it is cancelled). An exception in it ends the process."""
        task = asyncio.create_task(work, name=name)
        self._tasks[task] = name
        task.add_done_callback(self._on_done)
        return task

    def on_stop(self, name: str, stop: Stop) -> None:
        """Registers how something that was opened is closed; the last opened is closed first."""
        self._stops.append((name, stop))

    def stop(self) -> None:
        """Begins the clean stop, as SIGTERM does."""
        self._ended.set()

    @property
    def is_stopping(self) -> bool:
        return self._ended.is_set()

    async def wait(self) -> None:
        """Until the process is to stop."""
        await self._ended.wait()

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        name = self._tasks.pop(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and self._failure is None:
            self._failure = (name, error)
            self._log.error("background task failed, the process ends", task=name, exc_info=error)
            self.stop()

    async def close(self) -> bool:
        """Stops everything within STOP_LIMIT_S; whether all went well, the background tasks included."""
        is_clean = self._failure is None
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                while self._stops:
                    name, stop = self._stops[-1]
                    try:
                        await stop()
                    except Exception:  # noqa: BLE001 - what is left must be closed all the same
                        is_clean = False
                        self._log.exception("stopping failed", part=name)
                    self._stops.pop()
                tasks = list(self._tasks)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        except TimeoutError:
            left = [name for name, _ in reversed(self._stops)] + list(self._tasks.values())
            self._log.error("stopping took too long", limit_s=STOP_LIMIT_S, left=left)
            return False
        return is_clean


async def live(settings: S, start: Start[S], life: Lifecycle | None = None) -> int:
    """Runs `start`, waits for the end, stops; the exit code. For `run_service` and for tests that want a service in their own loop."""
    life = life or Lifecycle()
    log = logger("service")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, life.stop)
    has_started = False
    end_traces: Callable[[], None] | None = None
    try:
        starting = asyncio.ensure_future(start(settings, life))
        ending = asyncio.ensure_future(life.wait())
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            has_started = True
            log.info("service started", service=settings.name)
            if settings.traces_file is not None:
                end_traces = _export_traces(settings.traces_file, settings.name)
            await ending
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            has_started = True  # a stop during the start is a stop
    except Exception:
        log.exception("service could not start", service=settings.name)
    finally:
        is_clean = await life.close()
        if end_traces is not None:
            await asyncio.to_thread(end_traces)  # last: what is still running at the stop has spans too
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    log.info("service stopped", service=settings.name, clean=is_clean)
    return 0 if has_started and is_clean else 1


def _export_traces(path: Path, process: str) -> Callable[[], None] | None:
    """After the start: loading it would take longer than all that an edge does before its first call. How it is ended."""
    from trunkline.runtime.telemetry import export_to

    try:
        return export_to(path, process).shutdown
    except OSError as error:
        logger("service").warning("no traces", file=str(path), why=str(error))
        return None


def run_service(model: type[S], start: Start[S], arguments: list[str] | None = None) -> None:
    """The whole of a service's `main`: `--settings FILE`, then the service until a signal. Does not return."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", type=Path, required=True, metavar="FILE", help="TOML file")
    path: Path = parser.parse_args(arguments).settings
    try:
        settings = load_settings(model, path)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    configure_logs(settings.name, settings.log_level)
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    sys.exit(uvloop.run(live(settings, start)))
