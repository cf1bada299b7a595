"""The command `trunkline`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import grpc
import grpc.aio
from cyclopts import App, CycloptsError

from trunkline.cli.commands import access, bans, demo, ending, explain, limits, names, platform, routes, service, tenants, traces
from trunkline.cli.connection import surroundings
from trunkline.cli.exits import CommandError, Exit, exit_of
from trunkline.cli.output import errors
from trunkline.cli.tracing import traced
from trunkline.cli.waiting import with_scope
from trunkline.runtime.errors import Problem, decode_status

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
    tenants.apikey,
    routes.carrier,
    routes.route,
    platform.pop,
    bans.ban,
    ending.call,
    platform.events,
    platform.lab,
):
    app.command(group)
app.command(explain.explain)
app.command(platform.up)
app.command(demo.demo)
app.command(traces.trace)


def run(arguments: Sequence[str]) -> int:
    """The exit code. Where the platform of one machine keeps traces, the command is the root of one."""
    try:
        around = surroundings()
        with traced(arguments, around):
            result = app(with_scope(arguments, around.places), exit_on_error=False, print_error=False, backend="asyncio")
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


def _tell_problem(problem: Problem) -> Exit:
    code = exit_of(problem)
    if not problem.reason and code is Exit.UNAVAILABLE:
        _tell("a service does not answer", problem.message, "is the platform running? `trunkline lab status` shows its processes")
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
