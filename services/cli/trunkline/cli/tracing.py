"""The root span of a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trunkline.cli.connection import Surroundings
from trunkline.runtime import telemetry

UNTRACED = ("up", "lab", "trace")
"""Commands that ask no service."""


@contextmanager
def traced(arguments: Sequence[str], around: Surroundings) -> Iterator[None]:
    """A span around a command, written where local.json says; its name has the command's words, never what they are given."""
    folder = around.local.get("traces")
    words = [word for word in arguments[:3] if word.isascii() and word.isalpha() and word.islower()]
    if not folder or not words or words[0] in UNTRACED or not Path(folder).is_dir():
        yield
        return
    file = telemetry.export_to(Path(folder) / "cli.jsonl", "cli")
    try:
        with telemetry.span(f"trunkline {' '.join(words[:2])}"):
            yield
    finally:
        file.shutdown()
