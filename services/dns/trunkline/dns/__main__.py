"""`trunkline-dns --settings FILE`: authoritative answers for the platform's names, from a replica of the log.

It writes nothing, and answers from memory: NATS may be away, at the start too.
"""

from __future__ import annotations

from trunkline.dns.responder import answer
from trunkline.dns.server import DnsServer
from trunkline.dns.settings import DnsSettings
from trunkline.dns.view import View
from trunkline.dns.zone import NameServer, Zone
from trunkline.runtime.authentication import Authenticator, tenant_keys_of
from trunkline.runtime.control import ControlState
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.pop_watch import PopWatch
from trunkline.runtime.service import Lifecycle, run_service


async def start(settings: DnsSettings, life: Lifecycle) -> None:
    """Begins to answer when the replica is complete, or once was: a server that knows half of the names would deny the others."""
    state = await ControlState.open(settings, life)
    authenticator = Authenticator(settings.operator_key_hash, tenant_keys_of(lambda: state.directory))
    grpc_server = GrpcServer(settings.grpc_listen, settings.tls, authenticator)
    await grpc_server.start()
    life.on_stop("grpc", grpc_server.stop)
    watch = PopWatch([pop.name for pop in settings.pops], lambda: state.directory)
    zone = make_zone(settings, state, watch)
    await state.complete()
    life.spawn("pop watch", watch.run(state.nc))
    server = DnsServer(*settings.listen_pair, lambda query, is_udp: answer(query, zone, is_udp=is_udp))
    await server.start()
    life.on_stop("dns", server.stop)
    await grpc_server.set_serving(True)


def make_zone(settings: DnsSettings, state: ControlState, watch: PopWatch) -> Zone:
    """POPs as the settings name them, their states as they are measured and as the replica has them, domains as it has."""
    view = View(settings, lambda: state.directory, lambda pop: watch.healths[pop].is_down)
    servers = tuple(NameServer(server.name, server.addresses) for server in settings.served_by)
    return Zone(settings.realm, servers, view.steering, view.nearest_of, lambda: state.replica.covered)


def main() -> None:
    run_service(DnsSettings, start)


if __name__ == "__main__":
    main()
