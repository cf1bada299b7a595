"""The socket for `trunkline lab`: one JSON object a line in, one a line out.

{"do": "hold", "names": ["nats-eu", "auth"]}  ->  {"processes": [{"name": "nats-eu", "state": "held", …}, …]}
{"do": "dance"}                               ->  {"problem": "…"}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trunkline.lab.supervisor.process import Status

LINE_LIMIT_BYTES = 64 * 1024
ANSWER_LIMIT_S = 15.0
ACTIONS = ("status", "kill", "hold", "release", "restart", "freeze", "thaw")

Perform = Callable[[str, list[str]], Awaitable[list[Status]]]
"""Does the action to the named processes (status without names: all). ValueError says what is wrong with the request."""


class ControlProblem(Exception):
    """The supervisor cannot be asked."""


class ControlRefused(ControlProblem):
    """It refused: there is no process of that name."""


@contextmanager
def _short(path: Path) -> Any:
    """A name of the socket that fits into the 108 bytes of a Unix address however deep the folder is."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@asynccontextmanager
async def serve_control(path: Path, perform: Perform) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):  # ValueError: a line beyond the limit
            while line := await reader.readline():
                writer.write(json.dumps(await _answer(line, perform)).encode() + b"\n")
                await writer.drain()
        writer.close()

    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(path) as name:
        listener.bind(name)
    path.chmod(0o600)
    server = await asyncio.start_unix_server(answer, sock=listener, limit=LINE_LIMIT_BYTES)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def _answer(line: bytes, perform: Perform) -> dict[str, Any]:
    try:
        request = json.loads(line)
        action, names = request["do"], request.get("names", [])
        if action not in ACTIONS or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"'do' is one of {', '.join(ACTIONS)} and 'names' a list of process names")
        return {"processes": [asdict(status) for status in await perform(action, names)]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"problem": f"{error}" if isinstance(error, ValueError) else f"not understood: {error!r}"}


async def ask(path: Path, action: str, names: list[str]) -> list[dict[str, Any]]:
    """The processes' status after the action. Raises ControlProblem."""
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.setblocking(False)
            with _short(path) as name:
                await asyncio.get_running_loop().sock_connect(client, name)
            reader, writer = await asyncio.open_unix_connection(sock=client, limit=LINE_LIMIT_BYTES)
            writer.write(json.dumps({"do": action, "names": names}).encode() + b"\n")
            await writer.drain()
            answer = json.loads(await reader.readline())
            writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        raise ControlProblem(f"no platform answers at {path}: is it running (`make up`)? ({error or type(error).__name__})") from error
    if "problem" in answer:
        raise ControlRefused(answer["problem"])
    processes: list[dict[str, Any]] = answer["processes"]
    return processes
