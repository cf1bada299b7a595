"""`local.json`: every address, name and demonstration secret, for scripts and for the CLI. Fields are only added later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trunkline.lab.supervisor.layout import StateProblem, write_private


class LocalFile:
    """Kept in memory and written whole, by rename, readable by the owner only: it holds the demonstration's password and keys."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: dict[str, Any] = {}

    @property
    def content(self) -> dict[str, Any]:
        return self._content

    def write(self, **fields: Any) -> None:
        """Replaces these fields."""
        self._content.update(fields)
        write_private(self._path, json.dumps(self._content, indent=2) + "\n")

    def set_pid(self, name: str, pid: int | None) -> None:
        """A process that is gone stands there no more."""
        pids = dict(self._content.get("pids", {}))
        if pid is None:
            pids.pop(name, None)
        else:
            pids[name] = pid
        self.write(pids=pids)


def read_local(path: Path) -> dict[str, Any]:
    """Of an earlier run; empty where there was none. Raises StateProblem for a damaged file."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise StateProblem(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise StateProblem(f"{path} holds no JSON object")
    return content
