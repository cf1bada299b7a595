"""The command `trunkline`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

import grpc
import grpc.aio
from cyclopts import App, CycloptsError

from trunkline.cli.commands import (
    access,
    bans,
    completion,
    contexts,
    dashboard,
    decks,
    demo,
    enforced,
    explain,
    history,
    keys,
    limits,
    names,
    oneself,
    platform,
    regions,
    routes,
    service,
    traces,
    unrecorded,
    usage,
    webhooks,
)
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
    version_flags=[],
    result_action="return_value",
)
for group in (
    access.acl,
    access.account,
    service.domain,
    names.names,
    service.tenant,
    limits.limit,
    keys.key,
    history.history,
    webhooks.webhook,
    routes.carrier,
    decks.deck,
    routes.route,
    platform.pop,
    regions.region,
    bans.ban,
    unrecorded.call,
    platform.events,
    platform.lab,
    contexts.context,
):
    app.command(group)
app.command(explain.explain)
app.command(usage.usage)
app.command(oneself.whoami)
app.command(enforced.wait)
app.command(dashboard.dashboard)
# By name: they bring much that others need not wait for.
for word in ("apply", "diff", "export"):
    app.command(f"trunkline.cli.commands.files:{word}", name=word)
app.command("trunkline.cli.commands.undo:undo", name="undo")
app.command("trunkline.cli.commands.doctor:doctor", name="doctor")
app.command(platform.up)
app.command(demo.demo)
app.command(traces.trace)
app.command(completion.completion_of(lambda: app), name="completion")


def run(arguments: Sequence[str]) -> int:
    """The exit code. Where the platform of one machine keeps traces, the command is the root of one."""
    try:
        words = _in_context(arguments)
        if words[:1] == [COMPLETE]:
            # Asked at each press of TAB, on a line that is not whole: cyclopts answers, and nothing is traced.
            app(words, exit_on_error=False, print_error=False)
            return Exit.OK
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
        return Exit.OK
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
