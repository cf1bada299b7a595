"""The provisioning service's process: `trunkline-provisioning --settings FILE`."""

from __future__ import annotations

import time

from trunkline.api.provisioning.v1.provisioning_pb2_grpc import add_ProvisioningServiceServicer_to_server
from trunkline.eventlog.beacon import publish_beacons
from trunkline.provisioning.accounts import Accounts
from trunkline.provisioning.explain import Explainer
from trunkline.provisioning.feed import Feed
from trunkline.provisioning.history import History
from trunkline.provisioning.key_uses import KeyUseBook, keep_key_uses
from trunkline.provisioning.limits import LimitOwner
from trunkline.provisioning.pasts import Pasts
from trunkline.provisioning.pop_history import PopHistory
from trunkline.provisioning.pops import Pops
from trunkline.provisioning.replicas import ReplicaBook, hear_replicas
from trunkline.provisioning.server import ProvisioningServer
from trunkline.provisioning.settings import ProvisioningSettings
from trunkline.provisioning.tenant_reading import TenantReader
from trunkline.provisioning.what_if import WhatIf
from trunkline.runtime.authentication import Authenticator, TenantKey, tenant_keys_of
from trunkline.runtime.control import ControlState
from trunkline.runtime.gateway_hearing import hear_gateways
from trunkline.runtime.gateway_reports import GatewayReports
from trunkline.runtime.grpc_pool import PeerPool
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.key_use import MINUTE_S, KeyUses, tell_key_uses, tell_last_uses
from trunkline.runtime.pop_log import follow_all_changes
from trunkline.runtime.pop_watch import PopWatch
from trunkline.runtime.service import Lifecycle, run_service


async def start(settings: ProvisioningSettings, life: Lifecycle) -> None:
    """Ready when the replica holds what the log held at the start, or what it held last time where the log is away."""
    auth = PeerPool(settings.auth_addresses, tls=settings.tls, peer="auth")
    life.on_stop("auth channels", auth.close)
    records = PeerPool(settings.records_addresses, tls=settings.tls, peer="records") if settings.records_addresses else None
    if records is not None:
        life.on_stop("records channels", records.close)
    pops = Pops(settings.pops, tls=settings.tls)
    life.on_stop("edge channels", pops.close)
    is_home = settings.region == settings.home
    state = await ControlState.open(settings, life, makes_config=is_home)
    book = await KeyUseBook.open(settings.state_dir / "key-uses.sqlite")
    life.on_stop("uses of keys", book.close)
    uses = KeyUses()
    life.on_stop("last uses of keys", lambda: tell_last_uses(state.nc, settings.name, uses))

    def on_use(key: TenantKey) -> None:
        uses.note(key)
        book.hear({(key.tenant, key.key): int(time.time()) // MINUTE_S}, time.time())

    authenticator = Authenticator(settings.operator_key_hash, tenant_keys_of(lambda: state.directory), on_use=on_use)
    server = GrpcServer(settings.grpc_listen, settings.tls, authenticator)
    watch = PopWatch(pops.names, lambda: state.directory)
    limits = LimitOwner(settings.pops, lambda: state.directory, is_home=is_home)
    gateways = GatewayReports()
    await hear_gateways(state.nc, gateways)
    pasts = Pasts(state.log, lambda: state.directory)
    life.on_stop("pasts", pasts.close)
    explainer = Explainer(state, auth, settings.realm, settings.pops, settings.home, limits, gateways, pasts, records)
    reader = TenantReader(state, pasts, settings.realm, pops.names)
    what_if = WhatIf(state, records, settings.realm, settings.pops)
    replicas = ReplicaBook({each.name: each.region for each in settings.services})
    await hear_replicas(state.nc, replicas)
    feed, history = Feed(state.log), History(state.log, state.replica)
    pop_history = PopHistory(pops.names)
    servicer = ProvisioningServer(
        state,
        Accounts(state, auth),
        explainer,
        what_if,
        reader,
        feed,
        history,
        pops,
        limits,
        settings.realm,
        watch,
        book,
        pop_history,
        replicas,
        settings.home,
    )
    add_ProvisioningServiceServicer_to_server(servicer, server.grpc)
    await server.start()
    life.on_stop("grpc", server.stop)
    life.spawn("pop watch", watch.run(state.nc))
    if settings.pop_log_regions:
        life.spawn("pop log", follow_all_changes(state.nc, settings.pop_log_regions, pop_history.taken))
    await state.complete()
    life.spawn("limits", limits.run(state.nc))
    life.spawn("own uses of keys", tell_key_uses(state.nc, settings.name, uses))
    life.spawn("uses of keys", keep_key_uses(state.nc, settings.name, book, lambda: state.directory.api_keys))
    if is_home:
        life.spawn("beacon", publish_beacons(state.nc, state.replica.beacon))
    await server.set_serving(True)


def main() -> None:
    run_service(ProvisioningSettings, start)


if __name__ == "__main__":
    main()
