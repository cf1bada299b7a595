"""The command `trunkline`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

import grpc
import grpc.aio
from cyclopts import App, CycloptsError

from trunkline.cli.commands.completion import completion_of
from trunkline.cli.connection import surroundings
from trunkline.cli.exits import CommandError, Exit, exit_of
from trunkline.cli.options import Listing
from trunkline.cli.output import errors
from trunkline.cli.tracing import traced
from trunkline.cli.waiting import with_scope
from trunkline.cli.watching import watch
from trunkline.runtime.errors import Problem, decode_status

COMPLETE = "__complete"
"""How a shell's script asks for names."""
CONTEXT = "--context"

app = App(
    name="trunkline",
    help="SIP termination trunks: who may call, where calls go, and what became of them.",
    version=lambda: version("trunkline-cli"),
    version_flags=["--version"],
    result_action="return_value",
)
# By name, each with its module: a command waits for what it needs itself. Where others add to a group, theirs is the module.
_COMMANDS: Final = {
    "acl": "access:acl",
    "account": "access:account",
    "domain": "service:domain",
    "dns": "names:names",
    "tenant": "service:tenant",
    "limit": "limits:limit",
    "key apikey": "keys:key",
    "history": "history:history",
    "webhook": "webhooks:webhook",
    "carrier": "routes:carrier",
    "deck": "decks:deck",
    "route": "decks:route",
    "pop": "platform:pop",
    "region": "regions:region",
    "ban": "bans:ban",
    "call": "unrecorded:call",
    "events": "platform:events",
    "lab": "platform:lab",
    "context": "contexts:context",
    "explain": "explain:explain",
    "usage": "usage:usage",
    "whoami": "oneself:whoami",
    "wait": "enforced:wait",
    "dashboard": "dashboard:dashboard",
    "apply": "files:apply",
    "diff": "files:diff",
    "export": "files:export",
    "undo": "undo:undo",
    "doctor": "doctor:doctor",
    "up": "platform:up",
    "demo": "demo:demo",
    "trace": "traces:trace",
}
for _names, _place in _COMMANDS.items():
    app.command(f"trunkline.cli.commands.{_place}", name=_names.split())
app.command(completion_of(lambda: app), name="completion")


def run(arguments: Sequence[str]) -> int:
    """The exit code. Where the platform of one machine keeps traces, the command is the root of one."""
    try:
        words = _in_context(arguments)
        if words[:1] == [COMPLETE]:
            # Asked at each press of TAB, on a line that is not whole: cyclopts answers, and nothing is traced.
            app(words, exit_on_error=False, print_error=False)
            return Exit.OK
        if not words or words[0] in app.help_flags:
            # What a command says of itself is known when it is loaded.
            for names in _COMMANDS:
                app[names.split()[0]]
        around = surroundings()
        words = with_scope(words, around.places)

        def once() -> object:
            with traced(words, around):
                return app(words, exit_on_error=False, print_error=False, backend="asyncio")

        if _is_watched(words):
            watch(once)
        result = once()
    except CycloptsError as error:
        errors.print(error, markup=False)
        errors.print("see trunkline --help, or --help after the command", style="dim")
        return Exit.USAGE
    except CommandError as error:
        _tell(error.what, error.why, error.remedy)
        return error.code
    except grpc.aio.AioRpcError as error:
        return _tell_problem(decode_status(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        # As cyclopts has it of one that comes while a service is asked.
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.OK
    return result if isinstance(result, int) else Exit.OK


def _in_context(arguments: Sequence[str]) -> list[str]:
    """Without `--context NAME`, which stands for every command; what it names is then the one that is meant. Raises CommandError."""
    words = list(arguments)
    for place, word in enumerate(words):
        name, is_given, value = word.partition("=")
        if name != CONTEXT or words[:1] == [COMPLETE]:
            continue
        if not is_given and place + 1 == len(words):
            raise CommandError("--context names none", remedy="see `trunkline context list`", code=Exit.USAGE)
        os.environ["TRUNKLINE_CONTEXT"] = value if is_given else words[place + 1]
        return words[:place] + words[place + (1 if is_given else 2) :]
    return words


def _is_watched(words: Sequence[str]) -> bool:
    """Raises CycloptsError."""
    if not {"--watch", "-w"}.intersection(words):
        return False
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    values = bound.arguments
    return values.get("watch") is True or any(isinstance(value, Listing) and value.watch for value in values.values())


def _tell_problem(problem: Problem) -> Exit:
    code = exit_of(problem)
    if not problem.reason and code is Exit.UNAVAILABLE:
        _tell("a service does not answer", problem.message, "is the platform running? `trunkline lab status` shows its processes")
        return code
    if not problem.reason and problem.code == "UNIMPLEMENTED":
        _tell("the platform is of an earlier version and cannot do that", problem.message, "update it: provisioning first")
        return code
    what = problem.message.strip() or problem.code.replace("_", " ").lower()
    where = f"field {problem.field}" if problem.field else ""
    details = [f"{name}: {value}" for name, value in problem.metadata.items()]
    why = "; ".join(part for part in (problem.reason, where, *details) if part)
    _tell(what, why, problem.remedy)
    return code


def _tell(what: str, why: str, remedy: str) -> None:
    errors.print(f"error: {what}", style="red", markup=False, soft_wrap=True)
    if why:
        errors.print(f"  why: {why}", markup=False, soft_wrap=True)
    if remedy:
        errors.print(f"  what to do: {remedy}", markup=False, soft_wrap=True)


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
