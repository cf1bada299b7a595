"""Who is measured: our platform, Kamailio, and nobody (the customer's SIPp straight at the gateway), behind one face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import edge
import load
from helpers.platform import Platform, free_loopback, wait_for
from peer.kamailio import HOST, Kamailio

JOBS = {
    "ip": ("uac_ip", ("AUTH_IP", "WITH_DIALOG", "WITH_CDR")),
    "digest": ("uac_digest", ("AUTH_DIGEST", "WITH_DIALOG", "WITH_CDR")),
}
"""What is asked of a call: the generator's scenario, and the flags of kamailio.cfg for it."""

EDGE = "edge-eu1"
SERVICES = frozenset({"provisioning", "auth", "routing", "records", "dns"})
OURS, PEER, DIRECT = "trunkline", "kamailio fm", "direct"


@dataclass(frozen=True, slots=True)
class Server:
    """One that takes calls now. `pid` is None where there is nobody to account to."""

    name: str
    host: str
    target: str
    users: Path
    pid: int | None


@dataclass(frozen=True, slots=True)
class Contestant:
    """`open` starts the server for a run in a folder; ours is up already and stays."""

    name: str
    open: Callable[[Path], AbstractContextManager[Server]]


@contextmanager
def platform(folder: Path, workers: int = 1, is_alone: bool = True) -> Iterator[edge.Bench]:
    """A platform with one point of presence and the bench's tenant, for as long as it is needed. Alone, the edge and NATS run and nothing
    else does: services have machines of their own, and Kamailio is not measured beside a reader of its records either. What they would
    have read waits in the stream."""
    running = Platform(folder / f"state-{workers}", free_loopback(), pops="eu1")
    running.start()
    try:
        if workers > 1:
            _restart_edge(running, workers)
        bench = asyncio.run(edge.provision(running, folder))
        services = [name for name in running.refresh()["pids"] if name.rpartition("-")[0] in SERVICES] if is_alone else []
        if services:
            running.lab("freeze", *services)
        try:
            yield bench
        finally:
            if services:
                running.lab("thaw", *services)
    finally:
        running.stop()


def _restart_edge(running: Platform, workers: int) -> None:
    """With so many workers: told in its settings file, which it reads again when it is started again."""
    settings = running.state / "run" / f"{EDGE}.toml"
    before = running.local["pids"][EDGE]
    settings.write_text(f"workers = {workers}\n{settings.read_text()}")
    running.lab("kill", EDGE)
    wait_for("another edge", lambda: running.refresh()["pids"].get(EDGE) not in (None, before), timeout_s=30)
    wait_for("the edge is ready", lambda: [row["state"] for row in running.json("pop", "list")] == ["READY"], timeout_s=30)


def contestants(bench: edge.Bench, job: str, transport: str, workers: int, names: tuple[str, ...]) -> list[Contestant]:
    """In the order of a round."""
    made = []
    for name in names:
        if name == OURS:
            made.append(Contestant(name, lambda _: _ours(bench, job, transport)))
        elif name == DIRECT:
            made.append(Contestant(name, lambda _: _direct(bench)))
        else:
            made.append(Contestant(name, lambda folder, name=name: _kamailio(folder, name, job, transport, workers)))
    return made


@contextmanager
def _ours(bench: edge.Bench, job: str, transport: str) -> Iterator[Server]:
    local = bench.platform.refresh()
    target = local["pops"]["eu1"].get(transport)
    if not target:
        raise RuntimeError(f"the platform does not listen with {transport}")
    yield Server(OURS, bench.ip_host if job == "ip" else bench.digest_host, target, bench.users, local["pids"][EDGE])


@contextmanager
def _direct(bench: edge.Bench) -> Iterator[Server]:
    host, port = load.GATEWAYS[0]
    yield Server(DIRECT, host, f"{host}:{port}", bench.users, None)


@contextmanager
def _kamailio(folder: Path, name: str, job: str, transport: str, workers: int) -> Iterator[Server]:
    flags = (*JOBS[job][1], f"WORKERS={workers}", *(("WITH_TLS",) if transport == "tls" else ()))
    with Kamailio(folder / "kamailio", allocator=name.split()[1], job=flags) as peer:
        yield Server(name, HOST, peer.address(transport), peer.users, peer.pid)
