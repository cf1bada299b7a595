"""The auth service's process: `trunkline-auth --settings FILE`."""

from __future__ import annotations

import asyncio
import os
import time

from trunkline.api.auth.v1 import auth_pb2_grpc
from trunkline.api.common.v1 import common_pb2
from trunkline.auth.authorizer import Authorizer
from trunkline.auth.ban_desk import BanDesk
from trunkline.auth.kek import load_or_create_kek
from trunkline.auth.key_exchange import GrpcPeer, KeyExchange
from trunkline.auth.key_store import KeyStore
from trunkline.auth.orphans import Orphans
from trunkline.auth.rotation import NONCE_PLAN, TOKEN_PLAN, Purpose
from trunkline.auth.server import AuthServer
from trunkline.auth.settings import AuthSettings
from trunkline.auth.vouching import VouchDesk
from trunkline.auth.watching import Watcher, watch
from trunkline.domain import commands
from trunkline.domain.bans import Suspicion
from trunkline.domain.errors import Refusal
from trunkline.eventlog.log import Conflict, LogUnavailable
from trunkline.eventlog.streams import ensure_bans
from trunkline.runtime.authentication import Authenticator
from trunkline.runtime.ban_feed import follow_all_bans
from trunkline.runtime.control import ControlState
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.logs import logger
from trunkline.runtime.service import Lifecycle, run_service

ROTATION_CHECK_S = 30.0
"""How often it is looked whether a key is due: far more often than any key is announced before its turn."""
VOUCHES_READ_S = 10.0
"""Waited for the words of regions at the start; one may be away."""


async def start(settings: AuthSettings, life: Lifecycle) -> None:
    """Ready when the replica holds what the log held at the start, or what it held last time where the log is away."""
    keys = KeyStore(settings.state_dir / "keys.sqlite", load_or_create_kek(settings.kek_file), slot=settings.slot)

    async def close_keys() -> None:
        keys.close()

    life.on_stop("key store", close_keys)
    authorizer = Authorizer(settings.realm, settings.pops, keys, time.time)
    keys.on_change = authorizer.keys_changed
    state = await ControlState.open(
        settings, life, on_fact=authorizer.on_fact, on_covered=authorizer.on_covered, on_reset=authorizer.on_reset
    )
    exchange = KeyExchange(keys, open_peers(settings, life))
    suspicion = Suspicion(settings.name)
    desk = BanDesk(state.nc, settings.region, suspicion)
    server = GrpcServer(settings.grpc_listen, settings.tls, Authenticator(settings.operator_key_hash))
    service = AuthServer(state, authorizer, keys, exchange, desk, settings.realm)
    auth_pb2_grpc.add_AuthServiceServicer_to_server(service, server.grpc)
    await server.start()
    life.on_stop("grpc", server.stop)
    await exchange.first_keys(is_home=settings.region == settings.home)
    rotate(keys)
    life.spawn("key exchange", exchange.run())
    life.spawn("key rotation", keep_rotating(keys, authorizer))
    await state.complete()
    await server.set_serving(True)
    vouches = VouchDesk(state.nc, settings.region, suspicion.hear_vouch)
    watcher = Watcher(suspicion, lambda host, source: authorizer.lists(host=host, source=source), desk.issue, vouches.tell)
    life.spawn("bans", keep_bans(settings, state, desk))
    life.spawn("vouching", vouches.run(settings.ban_regions or (settings.region,)))
    life.spawn("watching", _watch(settings, state, watcher, vouches))
    life.spawn("orphan sweep", keep_sweeping(state, Orphans(settings.orphan_age_s), settings.sweep_period_s))


def open_peers(settings: AuthSettings, life: Lifecycle) -> dict[str, GrpcPeer]:
    """A channel to each."""
    peers: dict[str, GrpcPeer] = {}
    for peer in settings.peers:
        channel = open_channel(peer.address, tls=settings.tls, peer="auth")
        life.on_stop(f"channel to {peer.name}", channel.close)
        peers[peer.name] = GrpcPeer(channel)
    return peers


def rotate(keys: KeyStore) -> None:
    """Makes what is due now."""
    now_s = int(time.time())
    keys.rotate(Purpose.NONCE, NONCE_PLAN, now_s)
    keys.rotate(Purpose.TOKEN, TOKEN_PLAN, now_s)


async def _watch(settings: AuthSettings, state: ControlState, watcher: Watcher, vouches: VouchDesk) -> None:
    """For ever, when it is known whom to spare."""
    await vouches.wait_read(VOUCHES_READ_S)
    await watch(state.nc, watcher, region=settings.region, home=settings.home)


async def keep_bans(settings: AuthSettings, state: ControlState, desk: BanDesk) -> None:
    """For ever."""
    regions = settings.ban_regions or (settings.region,)
    async with asyncio.TaskGroup() as group:
        group.create_task(ensure_bans(state.nc, settings.region))
        group.create_task(follow_all_bans(state.nc, regions, desk.heard))
        group.create_task(desk.run())


async def keep_rotating(keys: KeyStore, authorizer: Authorizer) -> None:
    """For ever."""
    while True:
        await asyncio.sleep(ROTATION_CHECK_S)
        rotate(keys)
        authorizer.keys_rotated()


async def keep_sweeping(state: ControlState, orphans: Orphans, period_s: float) -> None:
    """For ever: erases credentials that no account names. What fails is tried again at the next sweep."""
    log = logger("orphans")
    while True:
        await asyncio.sleep(period_s)
        for tenant, credential in orphans.due(state.directory, time.monotonic()):
            command = commands.EraseCredential(tenant, credential)
            # every auth service sweeps; the same request id makes the second one's erasure the first one's
            options = common_pb2.WriteOptions(request_id=f"sweep-{os.urandom(8).hex()}")
            try:
                await state.write(command, options, actor=f"service:{state.name}")
                log.info("orphaned credential erased", tenant=tenant, credential=credential)
            except (Refusal, Conflict, LogUnavailable) as error:
                log.info("orphaned credential kept", tenant=tenant, credential=credential, why=str(error))


def main() -> None:
    run_service(AuthSettings, start)


if __name__ == "__main__":
    main()
