"""Exit codes, and what a command can fail with."""

from __future__ import annotations

from enum import IntEnum

from trunkline.runtime.errors import Problem


class Exit(IntEnum):
    OK = 0
    ERROR = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    DENIED = 5
    UNAVAILABLE = 6
    DIFFERS = 7
    INTERRUPTED = 130


_OF_STATUS = {
    "NOT_FOUND": Exit.NOT_FOUND,
    "ALREADY_EXISTS": Exit.CONFLICT,
    "FAILED_PRECONDITION": Exit.CONFLICT,
    "ABORTED": Exit.CONFLICT,
    "PERMISSION_DENIED": Exit.DENIED,
    "UNAUTHENTICATED": Exit.DENIED,
    "UNAVAILABLE": Exit.UNAVAILABLE,
    "DEADLINE_EXCEEDED": Exit.UNAVAILABLE,
    "RESOURCE_EXHAUSTED": Exit.UNAVAILABLE,
}


def exit_of(problem: Problem) -> Exit:
    return _OF_STATUS.get(problem.code, Exit.ERROR)


class CommandError(Exception):
    """What went wrong and where, why, and what to do; the last two may be empty."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "", code: Exit = Exit.ERROR) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.code = code
