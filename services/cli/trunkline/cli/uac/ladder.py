"""The ladder of a call for people: time, direction, message, one line each."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trunkline.cli.uac.call import Outcome, Step
from trunkline.lab.sip.message import Message, Request, first

WIDTH = 44


class Ladder:
    """Prints each step as it happens; times count from the first."""

    def __init__(self, console: Console, peer: str) -> None:
        self._console = console
        self._start_s: float | None = None
        console.print(Text(f"{'seconds':>8}   caller {' ' * (WIDTH - 14)} {peer}", style="dim"))

    def add(self, step: Step) -> None:
        if self._start_s is None:
            self._start_s = step.time_s
        label = f" {describe(step.message)}{' (again)' if step.is_repeated else ''} "
        line = f"{label:─^{WIDTH}}"
        arrow = f"├{line}▶│" if step.is_sent else f"│◀{line}┤"
        self._console.print(Text(f"{step.time_s - self._start_s:8.3f}   {arrow}", style=_style(step.message)))


def describe(message: Message) -> str:
    """`INVITE`, `407 Proxy Authentication Required`; whether a request was signed."""
    if isinstance(message, Request):
        is_signed = bool(first(message.headers, "proxy-authorization") or first(message.headers, "authorization"))
        return f"{message.method} with credentials" if is_signed and message.method == "INVITE" else message.method
    return f"{message.status} {message.reason}"


def _style(message: Message) -> str:
    if isinstance(message, Request) or message.status < 200:
        return ""
    if message.status < 300:
        return "green"
    return "yellow" if message.status in (401, 407) else "red"


def verdict(outcome: Outcome) -> str:
    response = f": {outcome.status} {outcome.reason}" if outcome.status else ""
    note = f" ({outcome.note})" if outcome.note else ""
    if outcome.is_answered:
        return f"answered, {outcome.ending.value}{note}"
    return f"{outcome.ending.value}{response}{note}"
