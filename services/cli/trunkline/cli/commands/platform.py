"""`trunkline up`, `lab`, `pop`, `events`: the platform itself, and what it knows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import session, state_folder
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.listing import first_of
from trunkline.cli.options import LISTING, READING, WRITING, Amount, Counter, Listing, PopName, Reading, Writing
from trunkline.cli.output import clock, console, errors, plain, print_stream, show_list
from trunkline.cli.writing import finish
from trunkline.lab.supervisor.control import ControlProblem, ControlRefused, ask
from trunkline.lab.supervisor.layout import DEFAULT_DNS_PORT, DEFAULT_LOOPBACK, Layout
from trunkline.lab.supervisor.platform import run_platform
from trunkline.lab.supervisor.topology import TopologyProblem, choose_topology

lab = App(name="lab", help="Tries failures on a running `trunkline up`.")
pop = App(name="pop", help="Points of presence.")
events = App(name="events", help="The event log.")


async def up(
    *,
    state: Path | None = None,
    loopback: str = DEFAULT_LOOPBACK,
    dns_port: int = DEFAULT_DNS_PORT,
    pops: str = "",
    services: str = "home",
    link: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    workers: int = 1,
    spares: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Starts the platform on this machine and stays in the foreground; Ctrl-C ends all of it.

    Parameters
    ----------
    state: Its folder; TRUNKLINE_STATE or .trunkline where it is left out.
    loopback: First two octets of the SIP addresses, such as 127.7, so that several platforms run side by side.
    dns_port: Where names are answered; on 53 a resolver finds it, which needs the right to bind it.
    pops: Points of presence, such as eu1,us1; all six where it is left out.
    services: Where services run: home, or all for a set in every region.
    link: REGION=MILLISECONDS one way between that region and the others, such as us=40; may be given for each region.
    workers: Threads of each edge that move SIP messages.
    spares: A second edge for each point of presence, which waits for the addresses of the first.
    """
    first, _, second = loopback.partition(".")
    if first != "127" or not (second.isascii() and second.isdigit()) or int(second) > 255:
        raise CommandError(f"{loopback!r} is no loopback range", remedy="write it as 127.N with N from 0 to 255", code=Exit.USAGE)
    try:
        topology = choose_topology(pops, services, link, workers, has_spares=spares)
    except TopologyProblem as problem:
        raise CommandError(str(problem), code=Exit.USAGE) from problem
    if not 1 <= dns_port <= 65_535:
        raise CommandError(f"{dns_port} is no port", remedy="give one from 1 to 65535", code=Exit.USAGE)
    layout = Layout((state or state_folder()).absolute(), loopback, dns_port)
    return await run_platform(layout, topology)


async def _control(action: str, names: tuple[str, ...], options: Reading) -> None:
    try:
        rows = await ask(Layout(state_folder().absolute()).control_socket, action, list(names))
    except ControlRefused as problem:
        raise CommandError(f"lab {action} did not work", why=str(problem), code=Exit.NOT_FOUND) from problem
    except ControlProblem as problem:
        raise CommandError(f"lab {action} did not work", why=str(problem), code=Exit.UNAVAILABLE) from problem
    show_list(options.output, rows, ["name", "state", "pid", "restarts", "uptime_s"], nothing="no process")


@lab.command
async def status(*names: str, options: Listing = LISTING) -> None:
    """Shows processes: state, process id, restarts.

    Parameters
    ----------
    names: Which; all where none is named.
    """
    await _control("status", names, options)


@lab.command
async def kill(*names: str, options: Reading = READING) -> None:
    """Kills processes (kill -9); they are restarted with backoff.

    Parameters
    ----------
    names: Which.
    """
    await _control("kill", names, options)


@lab.command
async def hold(*names: str, options: Reading = READING) -> None:
    """Kills processes and does not restart them before `release`.

    Parameters
    ----------
    names: Which.
    """
    await _control("hold", names, options)


@lab.command
async def release(*names: str, options: Reading = READING) -> None:
    """Starts held processes.

    Parameters
    ----------
    names: Which.
    """
    await _control("release", names, options)


@lab.command
async def restart(*names: str, options: Reading = READING) -> None:
    """Ends processes cleanly; they start again.

    Parameters
    ----------
    names: Which.
    """
    await _control("restart", names, options)


@lab.command
async def freeze(*names: str, options: Reading = READING) -> None:
    """Stops processes where they stand (SIGSTOP): they keep their connections and answer nothing before `thaw`.

    Parameters
    ----------
    names: Which; patterns such as 'nats-*' are taken.
    """
    await _control("freeze", names, options)


@lab.command
async def thaw(*names: str, options: Reading = READING) -> None:
    """Lets frozen processes go on.

    Parameters
    ----------
    names: Which.
    """
    await _control("thaw", names, options)


@pop.command(name="list")
async def list_pops(*, options: Listing = LISTING) -> None:
    """Lists points of presence: position of the log, commits behind it, seconds since home was heard, digest, calls; and what DNS
    makes of them, since when.

    Points of presence at one position hold the same where their digests are the same; one that differs is marked.
    """
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).ListPops(provisioning.ListPopsRequest())
    rows = [{**plain(row), "differs": pop_differs(row, answer.pops)} for row in answer.pops]
    shown = rows if options.is_data else [_pop_row(row) for row in rows]
    show_list(
        options.output,
        shown,
        ["pop", "region", "state", "in_dns", "since", "position", "lag", "age", "calls", "digest"],
        nothing="no point of presence",
    )
    for row in rows:
        if row["health_reason"]:
            errors.print(f"{row['name']} is {_in_dns(row)}: {row['health_reason']}", style="yellow", markup=False)
        if row["problem"]:
            errors.print(f"{row['name']}: {row['problem']}", style="yellow", markup=False)


@pop.command(name="history")
async def pop_history(name: PopName = "", *, limit: Amount = 50, options: Listing = LISTING) -> None:
    """Shows how points of presence stood in the names, newest change first; to operators also why, and who saw it.

    Parameters
    ----------
    name: The point of presence; all where it is left out.
    limit: At most so many changes.
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        request = provisioning.ListPopChangesRequest(pop=name)
        rows = [plain(change) for change in await first_of(stub.ListPopChanges, request, "changes", limit)]
    shown = (
        rows if options.is_data else [{**row, "time": clock(row["time"]), "was": row["old_state"], "now": row["new_state"]} for row in rows]
    )
    whys = ["reason", "decided_by"] if any(row["decided_by"] for row in rows) else []
    show_list(options.output, shown, ["time", "pop", "was", "now", *whys], nothing="no change yet")


@pop.command(name="drain")
async def drain_pop(name: PopName, *, note: str = "", options: Writing = WRITING) -> None:
    """Empties a point of presence: DNS leaves it out, OPTIONS is answered 503, new calls are refused (T903) when every client has had time
    to look its name up again. Calls in progress go on.

    Parameters
    ----------
    name: The point of presence.
    note: Why, for people.
    """
    request = provisioning.DrainPopRequest(write=options.options(), pop=name, note=note)
    async with session(is_operator=True) as connected:
        answer = await (await connected.provisioning()).DrainPop(request)
        await finish(connected, options, f"draining {name}", answer.receipt)


@pop.command(name="undrain")
async def undrain_pop(name: PopName, *, options: Writing = WRITING) -> None:
    """Takes a drained point of presence into service again.

    Parameters
    ----------
    name: The point of presence.
    """
    request = provisioning.UndrainPopRequest(write=options.options(), pop=name)
    async with session(is_operator=True) as connected:
        answer = await (await connected.provisioning()).UndrainPop(request)
        await finish(connected, options, f"undrained {name}", answer.receipt)


def pop_differs(pop: provisioning.Pop, others: Iterable[provisioning.Pop]) -> bool:
    """Whether most of those that stand at the same position have another digest."""
    beside = [other.digest for other in others if other.is_reachable and other.position == pop.position]
    return pop.is_reachable and 2 * beside.count(pop.digest) < len(beside)


def _pop_row(row: dict[str, Any]) -> dict[str, Any]:
    if not row["is_reachable"]:
        return {"pop": row["name"], "region": row["region"], "state": row["state"], "in_dns": _in_dns(row), "since": _since(row)}
    return {
        "pop": row["name"],
        "region": row["region"],
        "state": row["state"] if row["is_log_connected"] else f"{row['state']}, no log",
        "in_dns": _in_dns(row),
        "since": _since(row),
        "position": row["position"],
        "lag": row["lag"],
        "age": f"{row['age_s']:.1f} s" if row["age_s"] >= 0 else None,
        "calls": row["live_calls"],
        "digest": row["digest"] + (" DIFFERS" if row["differs"] else ""),
    }


def _in_dns(row: dict[str, Any]) -> str:
    return f"{row['health']} without {' and '.join(row['without_transports'])}" if row["without_transports"] else str(row["health"])


def _since(row: dict[str, Any]) -> str | None:
    return clock(row["health_since"]) if row["health_since"] else None


@events.command
async def tail(
    *, from_position: Counter = 0, follow: Annotated[bool, Parameter(negative="--no-follow")] = True, options: Reading = READING
) -> None:
    """Shows the tenant's commits, oldest first, and follows the log.

    Parameters
    ----------
    from_position: First position wanted; 0 is the beginning.
    follow: Go on until Ctrl-C; --no-follow ends at the head.
    """
    request = provisioning.TailEventsRequest(tenant=options.tenant, from_position=from_position, is_finite=not follow)
    async with session(is_operator=options.as_operator) as connected:
        async for answer in (await connected.provisioning()).TailEvents(request):
            row = plain(answer)
            if options.is_data:
                print_stream(options.output, row)
                continue
            commit = row["commit"]
            what = ", ".join(_event(event) for event in commit["events"])
            which = f"{commit['kind']}/{commit['aggregate']} v{commit['version']}"
            line = f"{row['position']:>7}  {clock(commit['time'])}  {which}  {what}  by {commit['actor']}"
            console.print(line, markup=False, soft_wrap=True)


def _event(event: dict[str, object]) -> str:
    for name, fields in event.items():
        assert isinstance(fields, dict)
        facts = " ".join(f"{key}={value}" for key, value in fields.items() if value not in ("", None, [], 0, False))
        camel = "".join(word.capitalize() for word in name.split("_"))
        return f"{camel}({facts})" if facts else camel
    return "unknown event"
