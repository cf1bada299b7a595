"""`trunkline-dns --settings FILE`: the platform's names, from a replica of the log, answered here and in the servers that settings name.

Into the log it writes what becomes of the points of presence. What it answers itself comes from memory: NATS may be away, at the start too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from trunkline.api.dns.v1.dns_pb2_grpc import add_DnsServiceServicer_to_server
from trunkline.dns.dynamic_update import DynamicUpdate, read_key
from trunkline.dns.holders import Holder
from trunkline.dns.names_server import Embedded, NamesServer
from trunkline.dns.reconciler import Reconciler, Wanted
from trunkline.dns.recording import Recording
from trunkline.dns.responder import answer
from trunkline.dns.server import DnsServer
from trunkline.dns.settings import DnsSettings
from trunkline.dns.view import View
from trunkline.dns.zone import NameServer, Zone
from trunkline.dns.zone_file import ZoneFile
from trunkline.runtime.authentication import Authenticator, tenant_keys_of
from trunkline.runtime.control import ControlState
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.key_use import KeyUses, tell_key_uses, tell_last_uses
from trunkline.runtime.pop_watch import JUDGE_S, PopWatch
from trunkline.runtime.service import Lifecycle, run_service

SETTLE_S: Final = 2.0
"""From the first connection: edges report once a second."""


async def start(settings: DnsSettings, life: Lifecycle) -> None:
    """Begins to answer when the replica is complete, or once was: a server that knows half of the names would deny the others."""
    reconcilers: list[Reconciler] = []
    embedded = None if settings.dns_listen is None else Embedded(settings.dns_listen)

    def covered(_: int) -> None:
        for reconciler in reconcilers:
            reconciler.wake()

    holders = make_holders(settings)
    state = await ControlState.open(settings, life, on_covered=covered)
    recording = Recording(
        state.nc,
        name=settings.name,
        region=settings.region,
        home=settings.home,
        regions=settings.pop_log_regions or (settings.region,),
    )
    watch = PopWatch([pop.name for pop in settings.pops], lambda: state.directory, on_judged=recording.judged)
    view = View(settings, lambda: state.directory, lambda pop: watch.healths[pop].is_down, lambda pop: watch.healths[pop].without)
    wanted = Wanted(view.steering, view.domains, lambda: state.replica.covered)
    made = [Reconciler(holder, wanted, compare_every_s=settings.compare_every_s) for holder in holders]
    uses = KeyUses()
    life.on_stop("last uses of keys", lambda: tell_last_uses(state.nc, settings.name, uses))
    authenticator = Authenticator(settings.operator_key_hash, tenant_keys_of(lambda: state.directory), on_use=uses.note)
    life.spawn("uses of keys", tell_key_uses(state.nc, settings.name, uses))
    grpc_server = GrpcServer(settings.grpc_listen, settings.tls, authenticator)
    server = make_server(settings, state, view)
    names_server = NamesServer(
        state, view, made, embedded, lambda: recording.unread_total, lambda: 0 if server is None else server.unanswered_total
    )
    add_DnsServiceServicer_to_server(names_server, grpc_server.grpc)
    await grpc_server.start()
    life.on_stop("grpc", grpc_server.stop)
    await state.complete()
    life.spawn("pop watch", watch.run(state.nc))
    life.spawn("pop log", recording.run())
    if made:
        life.spawn("holders", keep(made, view, state))
        reconcilers += made
    if server is not None:
        await server.start()
        life.on_stop("dns", server.stop)
    await grpc_server.set_serving(True)


async def keep(reconcilers: Sequence[Reconciler], view: View, state: ControlState) -> None:
    """Keeps all holders; not before it could hear which points of presence are down, or it would put them back for a moment."""
    while not state.nc.is_connected:  # noqa: ASYNC110 - nats-py tells it by nothing else
        await asyncio.sleep(JUDGE_S)
    await asyncio.sleep(SETTLE_S)
    async with asyncio.TaskGroup() as group:
        for reconciler in reconcilers:
            group.create_task(reconciler.run(), name=reconciler.status.name)
        seen = view.steering()
        while True:
            await asyncio.sleep(JUDGE_S)
            if view.steering() is not seen:
                seen = view.steering()
                for reconciler in reconcilers:
                    reconciler.wake()


def make_server(settings: DnsSettings, state: ControlState, view: View) -> DnsServer | None:
    """Not started yet; None where the process answers nobody itself."""
    if settings.listen_pair is None:
        return None
    zone = make_zone(settings, state, view)
    return DnsServer(*settings.listen_pair, lambda query, is_udp: answer(query, zone, is_udp=is_udp))


def make_zone(settings: DnsSettings, state: ControlState, view: View) -> Zone:
    """POPs as the settings name them, their states and the domains as the replica does."""
    servers = tuple(NameServer(server.name, server.addresses) for server in settings.served_by)
    return Zone(settings.realm, servers, view.steering, view.nearest_of, lambda: state.replica.covered)


def make_holders(settings: DnsSettings) -> list[Holder]:
    """Besides the process itself. Raises KeyProblem."""
    servers = [(server.name, server.addresses) for server in settings.served_by]
    labels = frozenset(label for label, _ in servers)
    found: list[Holder] = [
        DynamicUpdate(update.server, read_key(update.key_file), settings.realm, labels | frozenset(update.kept))
        for update in settings.updates
    ]
    if settings.zone_file is not None:
        found.append(ZoneFile(settings.zone_file.path, settings.zone_file.reload, settings.realm, servers))
    return found


def main() -> None:
    run_service(DnsSettings, start)


if __name__ == "__main__":
    main()
