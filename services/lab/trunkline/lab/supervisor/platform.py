"""All processes of one machine, from the first to the last."""

from __future__ import annotations

import asyncio
import fnmatch
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

from trunkline.lab.demo_tenant import DemoProblem, DemoTenant, seed
from trunkline.lab.supervisor.authority import AuthorityProblem
from trunkline.lab.supervisor.control import serve_control
from trunkline.lab.supervisor.layout import DEFAULT_LOOPBACK, Layout, StateProblem, choose, lock
from trunkline.lab.supervisor.links import LinkProblem, login_link
from trunkline.lab.supervisor.local import LocalFile, read_local
from trunkline.lab.supervisor.plan import (
    BASE_DOMAIN,
    CLIENT,
    DASHBOARD_PORT,
    PAGES,
    REST_HTTP,
    REST_PORT,
    SIP_PORT,
    SIPS_PORT,
    Plan,
    port6_names,
    port_names,
)
from trunkline.lab.supervisor.ports import has_ipv6
from trunkline.lab.supervisor.process import Status, Supervised
from trunkline.lab.supervisor.ready import NotReady, answers_options, is_healthy, is_open, until
from trunkline.lab.supervisor.topology import Topology
from trunkline.runtime.tls import TlsSettings

LOG_CHECK_S = 5.0
LOG_TAIL_LINES = 15
EXIT_OK = 0
EXIT_FAILED = 1

Announce = Callable[[str], None]


def announce(text: str) -> None:
    print(text, flush=True)


class Platform:
    """Every supervised process and the file that tells of them."""

    def __init__(self, plan: Plan, *, announce: Announce) -> None:
        self._plan = plan
        self._announce = announce
        self.local = LocalFile(plan.layout.local_file)
        self.processes = {name: Supervised(spec, announce=announce, on_pid=self.local.set_pid) for name, spec in plan.specs().items()}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, *names: str) -> None:
        for name in names:
            self._tasks[name] = asyncio.create_task(self.processes[name].run(), name=name)

    async def start_all(self) -> None:
        """NATS before the rest; the rest in any order, each waits for what it needs. Raises NotReady."""
        plan = self._plan
        chosen, topology = plan.chosen, plan.topology
        servers = [f"nats-{region}" for region in topology.regions]
        self.start(*servers)
        await asyncio.gather(*(until(name, partial(is_open, "127.0.0.1", chosen.ports[name])) for name in servers))
        self.start(*(name for name in self.processes if name not in servers))
        tls = TlsSettings.of(plan.tls_table(CLIENT))
        waits = [until(name, partial(is_healthy, chosen.address(name), name.partition("-")[0], tls)) for name in plan.grpc_processes()]
        for carrier in topology.carriers:
            waits.append(until(carrier.process, partial(answers_options, plan.carrier_host(carrier), SIP_PORT)))
        for pop in topology.pops:
            waits.append(until(f"{pop.edge}'s SIP side", partial(answers_options, plan.pop_host(pop), SIP_PORT)))
        for problem in await asyncio.gather(*waits, return_exceptions=True):
            if isinstance(problem, BaseException):
                raise problem

    async def perform(self, action: str, names: list[str]) -> list[Status]:
        """For the control socket. Names may be patterns (`nats-*`). ValueError for one that fits nobody."""
        unknown = [name for name in names if not fnmatch.filter(self.processes, name)]
        if unknown:
            raise ValueError(f"there is no process {', '.join(unknown)}; there are: {', '.join(self.processes)}")
        if action != "status" and not names:
            raise ValueError(f"which process? {action} wants at least one name or pattern of: {', '.join(self.processes)}")
        chosen = [self.processes[name] for name in self.processes if not names or any(fnmatch.fnmatchcase(name, each) for each in names)]
        match action:
            case "kill":
                await asyncio.gather(*(process.kill() for process in chosen))
            case "hold":
                await asyncio.gather(*(process.hold() for process in chosen))
            case "restart":
                await asyncio.gather(*(process.restart() for process in chosen))
            case "freeze":
                for process in chosen:
                    process.freeze()
            case "thaw":
                for process in chosen:
                    process.thaw()
            case "release":
                for process in chosen:
                    process.release()
        return [process.status() for process in chosen]

    async def stop(self) -> None:
        """Services before NATS, so that they can say their last."""
        servers = [name for name in self._tasks if name.startswith("nats-")]
        await asyncio.gather(*(self.processes[name].stop() for name in self._tasks if name not in servers))
        await asyncio.gather(*(self.processes[name].stop() for name in servers))
        await asyncio.gather(*self._tasks.values())
        self.local.write(pids={})

    async def bound_logs(self) -> None:
        while True:
            for process in self.processes.values():
                await asyncio.to_thread(process.bound_log)
            await asyncio.sleep(LOG_CHECK_S)

    def tail(self, name: str) -> str:
        path = self.processes[name].spec.log
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])


async def run_platform(layout: Layout, topology: Topology) -> int:
    """`trunkline up`: until SIGINT or SIGTERM. The exit code."""
    try:
        descriptor = lock(layout.state)
        layout.make()
        preferred = {PAGES: DASHBOARD_PORT, REST_HTTP: REST_PORT} if layout.loopback == DEFAULT_LOOPBACK else {}
        chosen, moved = choose(layout, port_names(topology), port6_names(topology) if has_ipv6() else (), preferred)
        earlier = read_local(layout.local_file)
        plan = Plan(layout, chosen, topology)
        plan.check_addresses()
        plan.write()
        platform = Platform(plan, announce=announce)
    except (StateProblem, AuthorityProblem) as problem:
        print(problem, file=sys.stderr, flush=True)
        return EXIT_FAILED
    for note in moved:
        announce(note)
    # The demonstration's secrets stand in this file only: they are carried over before anything else is written.
    platform.local.write(**plan.local(), **({"demo": earlier["demo"]} if "demo" in earlier else {}))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    announce(f"starting in {layout.state}")
    if not chosen.has_ipv6:
        announce("this machine has no [::1]: the points of presence listen on IPv4 only")
    assert descriptor >= 0  # held until the process ends
    code = EXIT_OK
    async with AsyncExitStack() as stack:
        stack.push_async_callback(platform.stop)
        await stack.enter_async_context(serve_control(layout.control_socket, platform.perform))
        logs = asyncio.create_task(platform.bound_logs())
        stack.callback(logs.cancel)
        starting = asyncio.create_task(_bring_up(platform, plan, earlier.get("demo")))
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            code = starting.result()
            if code == EXIT_OK:
                await waiting
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        waiting.cancel()
        announce("ending")
    return code


async def _bring_up(platform: Platform, plan: Plan, earlier_demo: dict[str, str] | None) -> int:
    """Starts everything and seeds the demonstration tenant; what went wrong is told, with the end of the logs."""
    try:
        await platform.start_all()
        demo = await seed(plan, earlier_demo, remember=lambda demo: platform.local.write(demo=demo))
    except NotReady as problem:
        announce(str(problem))
        for name, process in platform.processes.items():
            if str(problem).startswith(name):
                announce(f"{name} is {process.status().state}; the end of its log:\n{platform.tail(name)}")
        return EXIT_FAILED
    except DemoProblem as problem:
        announce(f"the demonstration tenant could not be set up: {problem}")
        return EXIT_FAILED
    try:
        link = await login_link(plan.dashboard_url, demo.api_key)
    except LinkProblem as problem:
        announce(str(problem))
        return EXIT_FAILED
    _welcome(plan, demo, link)
    return EXIT_OK


def _welcome(plan: Plan, demo: DemoTenant, link: str) -> None:
    host = f"{demo.domain}.{BASE_DOMAIN}"
    pops = "\n".join(f"  {pop.name:6} {plan.pop_host(pop):13} {demo.domain}.{pop.name}.{BASE_DOMAIN}" for pop in plan.topology.pops)
    links = "".join(f"\nLink of {region}: {delay_ms} ms one way" for region, delay_ms in plan.topology.links.items())
    announce(f"""
Ready. State in {plan.layout.state}

{pops}{links}

  each on {SIP_PORT} by UDP and TCP and on {SIPS_PORT} by TLS; its authority is {plan.layout.sip_tls / "ca.crt"}

  {host}   is good at each of them; it accepts calls from 127.0.0.1 as {demo.account}
  its password stands in {plan.layout.local_file}, under "demo"

Dashboard (this link is good for one login within 15 minutes; `trunkline dashboard` makes another):
  {link}

REST: {plan.rest_url}/openapi.json, with an API key of that file (docs/rest.md)

Try, in another terminal:
  .venv/bin/trunkline call place +31201234567 --as {demo.tenant}/{demo.account}
  .venv/bin/trunkline pop list
  .venv/bin/trunkline explain {demo.domain} --from 192.0.2.1
  .venv/bin/trunkline lab hold 'nats-*'         # and call again; then: lab release 'nats-*'
  make demo

Ctrl-C ends everything.""")
