"""What cannot be taken back is asked about first, at a terminal; elsewhere it is said on the command line."""

from __future__ import annotations

import sys

from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.output import errors


def agree(question: str, *, is_given: bool, option: str = "--yes") -> None:
    """Raises CommandError unless `is_given`, or somebody answers yes."""
    if is_given:
        return
    _need_terminal(question, option)
    if _answer(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise CommandError("nothing was changed", why="it was not agreed to")


def agree_by_name(question: str, name: str, given: str, *, option: str = "--confirm") -> None:
    """The name must be written again, on the command line or at the terminal. Raises CommandError."""
    if not given:
        _need_terminal(question, f"{option} {name}")
        given = _answer(f"{question} Its name, to go on: ")
    if given != name:
        raise CommandError("nothing was changed", why=f"{given!r} is not {name!r}", code=Exit.USAGE)


def _need_terminal(question: str, option: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("nothing was changed", why=f"{question} Nobody is there to answer.", remedy=f"say {option}", code=Exit.USAGE)


def _answer(question: str) -> str:
    errors.print(question, end="", markup=False, soft_wrap=True)
    return sys.stdin.readline().strip()
