"""What the doctor says: one line a finding."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Grade(StrEnum):
    """SKIP: it could not be looked at, and why; nothing is known to be wrong."""

    OK = "OK"
    SKIP = "SKIP"
    WARN = "WARN"
    FAIL = "FAIL"


class Finding(NamedTuple):
    """`check` is what was looked at, `name` which of it. `remedy` may be empty where nothing is wrong."""

    grade: Grade
    check: str
    name: str
    text: str
    remedy: str = ""


def ok(check: str, name: str, text: str) -> Finding:
    return Finding(Grade.OK, check, name, text)


def skip(check: str, name: str, text: str, remedy: str = "") -> Finding:
    return Finding(Grade.SKIP, check, name, text, remedy)


def warn(check: str, name: str, text: str, remedy: str) -> Finding:
    return Finding(Grade.WARN, check, name, text, remedy)


def fail(check: str, name: str, text: str, remedy: str) -> Finding:
    return Finding(Grade.FAIL, check, name, text, remedy)
