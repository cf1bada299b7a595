"""What an edge does besides calls: follow the log, renew keys, ship the journal, answer gRPC. Any of it may be away for any time."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client

from trunkline.api.edge.v1.edge_pb2_grpc import add_EdgeServiceServicer_to_server
from trunkline.edge.auth_client import keys_from
from trunkline.edge.bans import enforce_bans
from trunkline.edge.calls import CallService
from trunkline.edge.capturing import Teller
from trunkline.edge.degraded import Degraded
from trunkline.edge.ended_calls import ask_for_ends, hear_ends, tell_ended
from trunkline.edge.gateway_watch import GatewayWatch
from trunkline.edge.limit_link import share_limits
from trunkline.edge.nonces import hear_used_nonces, tell_used_nonces
from trunkline.edge.observing import Reporter
from trunkline.edge.saved_calls import keep_saving
from trunkline.edge.server import EdgeServicer, EdgeView, FeedState
from trunkline.edge.settings import EdgeSettings
from trunkline.edge.shipping import OnChunk, Sender, Shipper
from trunkline.edge.stream_probes import StreamObserver
from trunkline.edge.traces import AppliedTraces
from trunkline.edge.waking import set_within
from trunkline.engine import JournalChunk
from trunkline.eventlog.beacon import Beacon, follow_beacons
from trunkline.eventlog.replica import NotCovered, Replica
from trunkline.runtime import telemetry
from trunkline.runtime.authentication import Authenticator, tenant_keys_of
from trunkline.runtime.grpc_pool import PeerPool
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.key_use import KeyUses, tell_key_uses, tell_last_uses
from trunkline.runtime.logs import logger
from trunkline.runtime.nats_client import connect
from trunkline.runtime.service import Lifecycle

ISOLATED_AFTER_S = 5.0
"""Without a beacon for so long, calls are recorded as decided without the log."""

WATCH_S = 0.5
"""How often it is looked whether the log is within reach, whatever comes."""

SOON_S = 0.05
"""The same without a connection: the first call after it has come back is not to be recorded as decided without the log."""

COLD_REPORT_S = 30.0
"""How often a cold edge says in its log that it is cold, and why."""

CONNECT_WAIT_S = 0.0
"""NATS is not waited for."""


async def join_platform(
    settings: EdgeSettings, life: Lifecycle, calls: CallService, replica: Replica, feed: Client, traces: AppliedTraces
) -> None:
    """Everything of an edge that talks to the outside. `feed` is the connection that the replica's log uses. OSError where
    `grpc_listen` cannot be bound."""
    auth = PeerPool(settings.auth_addresses, tls=settings.tls, peer="auth")
    life.on_stop("channels to auth", auth.close)
    life.spawn("keys", calls.keys.run(keys_from(auth)))
    life.spawn("certificates", calls.certificates.run())
    heard = asyncio.Event()
    life.spawn("beacons", _follow_beacons(feed, replica, heard))
    life.spawn("used nonces", _share_nonces(settings, calls, feed))
    life.spawn("limits", _share_limits(settings, calls, feed))
    life.spawn("saved calls", _keep_calls(calls))
    life.spawn("ended calls", _share_ends(settings, calls, feed))
    life.spawn("bans", enforce_bans(settings.ban_regions, calls, feed))
    reporter = Reporter(settings.name, settings.pop, lambda: calls.engine is not None)
    streams = StreamObserver(settings.observed_streams, settings.looks_from)
    life.spawn("observing streams", streams.run())
    targets = {pop.name: pop.pair for pop in settings.observed}
    life.spawn("observing", reporter.run(feed, targets, settings.looks_from, lambda: streams.sights))
    life.on_stop("last report", lambda: reporter.leave(feed))
    life.spawn("gateways", _watch_gateways(settings, life, calls, feed))
    life.spawn("captures", _tell_captured(settings, calls, feed))
    life.spawn("isolation", _watch(calls, replica, feed, heard))

    traces.emit = telemetry.past_span
    view = EdgeView(
        edge=settings.name,
        pop=settings.pop,
        region=settings.region,
        applied=calls.tables.applied,
        feed=lambda: _feed_state(replica, feed),
        engine=lambda: calls.engine,
        state=lambda: calls.state,
        keys_expire_s=lambda: calls.keys.expires_s,
        trace_id=traces.trace_id,
    )
    uses = KeyUses()
    life.on_stop("last uses of keys", lambda: tell_last_uses(feed, settings.name, uses))
    authenticator = Authenticator(settings.operator_key_hash, tenant_keys_of(lambda: calls.tables.directory), on_use=uses.note)
    life.spawn("uses of keys", tell_key_uses(feed, settings.name, uses))
    server = GrpcServer(settings.grpc_listen, settings.tls, authenticator)
    add_EdgeServiceServicer_to_server(EdgeServicer(view), server.grpc)
    await server.start()
    life.on_stop("grpc", server.stop)
    routing = PeerPool(settings.routing_addresses, tls=settings.tls, peer="routing") if settings.routing_addresses else None
    if routing is not None:
        life.on_stop("channels to routing", routing.close)
    degraded = Degraded(auth, routing, region=settings.region) if routing is not None else None
    life.spawn("serving", _serve(settings, life, calls, replica, feed, server, degraded))


async def _serve(
    settings: EdgeSettings,
    life: Lifecycle,
    calls: CallService,
    replica: Replica,
    feed: Client,
    server: GrpcServer,
    degraded: Degraded | None,
) -> None:
    """Healthy when calls are decided here; before that, calls are taken as soon as auth has given keys, where there is whom to ask."""
    is_cold = calls.engine is None
    if is_cold:
        logger("edge").info("cold: no calls are taken before auth has given keys", position=replica.covered)
        if degraded is None or settings.shares_addresses:
            await _complete(replica)
        await calls.keys.wait_can_sign()
        if settings.shares_addresses:
            await server.set_serving(True)
            await _serve_when_free(settings, calls, feed)
        elif replica.is_complete:
            calls.serve()
        else:
            assert degraded is not None
            degraded.engine = calls.serve(degraded.on_question)
    assert calls.engine is not None
    # A connection of its own that buffers nothing: what is published while NATS is away is sent again anyway.
    nats = await connect(settings.nats_url, tls=settings.tls, name=settings.name, wait_s=CONNECT_WAIT_S, pending_bytes=0)
    life.on_stop("nats for calls", nats.close)
    life.spawn("shipping", _shipper(settings, calls, nats, feed).run())
    if calls.is_degraded:
        await _complete(replica)
        calls.become_whole()
    await server.set_serving(True)


def _shipper(settings: EdgeSettings, calls: CallService, nats: Client, feed: Client) -> Shipper:
    """`nats` for the journal, `feed` for what the other edges are told of it."""
    assert calls.engine is not None

    return Shipper(calls.engine, nats, _sender(settings), _counting(settings, calls, feed))


def _counting(settings: EdgeSettings, calls: CallService, feed: Client) -> OnChunk:
    """What the journal says is counted against limits, by whichever way it is shipped."""

    async def on_chunk(chunk: JournalChunk) -> None:
        await tell_ended(feed, settings.pop, calls.on_chunk(chunk))

    return on_chunk


async def _serve_when_free(settings: EdgeSettings, calls: CallService, feed: Client) -> None:
    """While another edge has the addresses, what earlier runs of this one have left is shipped: records wait for it."""
    while calls.engine is None:
        if calls.is_standing_by:
            await _stand_by(settings, calls, feed)
        try:
            calls.serve()
        except OSError:
            # Another one was quicker.
            if not calls.is_standing_by:
                raise


async def _stand_by(settings: EdgeSettings, calls: CallService, feed: Client) -> None:
    nats = await connect(settings.nats_url, tls=settings.tls, name=settings.name, wait_s=CONNECT_WAIT_S, pending_bytes=0)
    journal = calls.open_journal()
    shipping = asyncio.create_task(Shipper(journal, nats, _sender(settings), _counting(settings, calls, feed)).run())
    waiting = asyncio.create_task(calls.addresses_are_free())
    try:
        await asyncio.wait({shipping, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if shipping.done():
            shipping.result()
    finally:
        for task in (shipping, waiting):
            task.cancel()
        await asyncio.wait({shipping, waiting})
        journal.stop()
        await nats.close()


def _sender(settings: EdgeSettings) -> Sender:
    return Sender(settings.name, settings.pop, settings.region)


async def _complete(replica: Replica) -> None:
    while not replica.is_complete:
        try:
            await replica.wait_complete(COLD_REPORT_S)
        except NotCovered as error:
            logger("edge").warning("still cold", why=str(error), position=replica.covered)


async def _follow_beacons(nats: Client, replica: Replica, heard: asyncio.Event) -> None:
    """Subscribes when there is a connection; nats-py renews the subscription after every loss. `heard` is set at each beacon."""

    def on_beacon(beacon: Beacon) -> None:
        replica.on_beacon(beacon)
        heard.set()

    await _connected(nats)
    await follow_beacons(nats, on_beacon)


async def _share_nonces(settings: EdgeSettings, calls: CallService, nats: Client) -> None:
    await calls.served.wait()
    assert calls.engine is not None
    await _connected(nats)
    await hear_used_nonces(nats, settings.pop, calls.engine)
    await tell_used_nonces(nats, settings.pop, calls.engine)


async def _tell_captured(settings: EdgeSettings, calls: CallService, nats: Client) -> None:
    await calls.served.wait()
    assert calls.engine is not None
    await Teller(calls.engine, nats, settings.name, settings.pop, settings.capture_per_s).run()


async def _watch_gateways(settings: EdgeSettings, life: Lifecycle, calls: CallService, nats: Client) -> None:
    await calls.served.wait()
    assert calls.engine is not None
    options_s, timeout_s = settings.gateway_options_s, settings.gateway_options_timeout_s
    watch = GatewayWatch(calls.gateways, lambda: calls.tables.directory, options_s=options_s, timeout_s=timeout_s)
    life.spawn("gateways in doubt", watch.run(calls.engine))
    await _connected(nats)
    await watch.hear(nats)
    await watch.tell(nats, settings.name, settings.pop, settings.region)


async def _share_limits(settings: EdgeSettings, calls: CallService, nats: Client) -> None:
    await _connected(nats)
    await share_limits(nats, settings.pop, calls.limits)


async def _keep_calls(calls: CallService) -> None:
    await calls.served.wait()
    assert calls.engine is not None
    await keep_saving(calls.engine, calls.saved)


async def _share_ends(settings: EdgeSettings, calls: CallService, nats: Client) -> None:
    await _connected(nats)
    await hear_ends(nats, settings.pop, calls)
    await ask_for_ends(nats, settings.pop, calls)


async def _connected(nats: Client) -> None:
    while not nats.is_connected:  # noqa: ASYNC110 — nats-py has no event for its first connection
        await asyncio.sleep(WATCH_S)


async def _watch(calls: CallService, replica: Replica, nats: Client, heard: asyncio.Event) -> None:
    """The log's being away, and the end of a drain's grace, are noticed by the clock; that it is back, at once."""
    while True:
        age_s = replica.age_s
        calls.policy.is_isolated = not nats.is_connected or (age_s is not None and age_s > ISOLATED_AFTER_S)
        calls.look_at_drain()
        if await set_within(heard, WATCH_S if nats.is_connected else SOON_S):
            heard.clear()


def _feed_state(replica: Replica, nats: Client) -> FeedState:
    age_s = replica.age_s
    return FeedState(
        position=replica.covered,
        digest=replica.digest.hex(),
        age_s=-1.0 if age_s is None else age_s,
        lag=replica.lag,
        is_log_connected=nats.is_connected,
        is_complete=replica.is_complete,
    )
