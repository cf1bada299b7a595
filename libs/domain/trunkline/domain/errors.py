"""What a command is refused with: one exception type, mapped to a gRPC status in `trunkline.runtime`, never shown on the SIP wire."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ErrorCode(StrEnum):
    """The gRPC status each stands for has the same name, but CONFLICT, which is ABORTED."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    CONFLICT = "CONFLICT"


_NOTHING: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):
    """A command that cannot be carried out as asked; trying again unchanged gives the same answer, except for CONFLICT.

    `reason` is stable UPPER_SNAKE for programs, `message` says what and where, `remedy` what to do (may be empty). `field` is the dotted
    path in the request, or empty. `metadata` names what is involved, such as the domains an ACL is still attached to, joined by commas.
    """

    def __init__(
        self,
        code: ErrorCode,
        reason: str,
        message: str,
        *,
        field: str = "",
        remedy: str = "",
        metadata: Mapping[str, str] = _NOTHING,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.field = field
        self.remedy = remedy
        self.metadata = metadata

    def __str__(self) -> str:
        where = f" (field {self.field})" if self.field else ""
        what_to_do = f" {self.remedy}" if self.remedy else ""
        return f"{self.reason}: {self.message}{where}{what_to_do}"


class HistoryError(Exception):
    """An event does not fit what came before it: the log or this code is wrong. A projection stops on it, it never skips."""


def invalid(reason: str, field: str, message: str, remedy: str = "") -> Refusal:
    return Refusal(ErrorCode.INVALID_ARGUMENT, reason, message, field=field, remedy=remedy)


def not_found(reason: str, field: str, message: str, remedy: str = "") -> Refusal:
    return Refusal(ErrorCode.NOT_FOUND, reason, message, field=field, remedy=remedy)


def already_exists(reason: str, field: str, message: str, remedy: str = "") -> Refusal:
    return Refusal(ErrorCode.ALREADY_EXISTS, reason, message, field=field, remedy=remedy)


def failed_precondition(reason: str, message: str, remedy: str = "", metadata: Mapping[str, str] = _NOTHING) -> Refusal:
    return Refusal(ErrorCode.FAILED_PRECONDITION, reason, message, remedy=remedy, metadata=metadata)


def permission_denied(reason: str, field: str, message: str, remedy: str = "") -> Refusal:
    return Refusal(ErrorCode.PERMISSION_DENIED, reason, message, field=field, remedy=remedy)


def conflict(reason: str, message: str, remedy: str = "", metadata: Mapping[str, str] = _NOTHING) -> Refusal:
    return Refusal(ErrorCode.CONFLICT, reason, message, remedy=remedy, metadata=metadata)
