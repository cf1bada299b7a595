"""`trunkline-dns --settings FILE`: authoritative answers for the platform's names, from a replica of the log.

It writes nothing, and answers from memory: NATS may be away, at the start too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trunkline.dns.responder import answer
from trunkline.dns.server import DnsServer
from trunkline.dns.settings import DnsSettings
from trunkline.dns.zone import NameServer, Zone
from trunkline.domain.decision import label_claim
from trunkline.domain.dns_names import Policy, Steering, steer
from trunkline.domain.events import DomainLabel
from trunkline.domain.pop_states import PopState
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
    zone = make_zone(settings, state)
    watch = PopWatch(
        [pop.name for pop in settings.pops], lambda: state.directory, on_change=lambda states: zone.steer(lead(settings, states))
    )
    await state.complete()
    watch.judge()
    life.spawn("pop watch", watch.run(state.nc))
    server = DnsServer(*settings.listen_pair, lambda query, is_udp: answer(query, zone, is_udp=is_udp))
    await server.start()
    life.on_stop("dns", server.stop)
    await grpc_server.set_serving(True)


def make_zone(settings: DnsSettings, state: ControlState) -> Zone:
    """POPs as the settings name them, domains as the replica does."""

    def has_domain(label: str) -> bool:
        directory = state.directory
        claim = directory.claims.get(label_claim(DomainLabel(label)))
        return claim is not None and directory.domain(claim.owner_tenant, DomainLabel(label)) is not None

    servers = tuple(NameServer(server.name, server.addresses) for server in settings.served_by)
    return Zone(lead(settings, {}), servers, has_domain, lambda: state.replica.covered)


def lead(settings: DnsSettings, states: Mapping[str, PopState]) -> Steering:
    """Where names lead while points of presence are in these states; one that is not named is ready."""
    pops = [replace(pop.site, state=states.get(pop.name, PopState.READY)) for pop in settings.pops]
    return steer(settings.realm, pops, Policy(settings.home, settings.ttl_s))


def main() -> None:
    run_service(DnsSettings, start)


if __name__ == "__main__":
    main()
