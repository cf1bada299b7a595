"""`trunkline-records --settings FILE`: call detail records, from the facts of all regions in CALLS_ALL.

It follows CONFIG too, for one thing only: whose API key it is that asks.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

from trunkline.api.records.v1.records_pb2_grpc import add_RecordsServiceServicer_to_server
from trunkline.domain.events import TenantId, WebhookSet
from trunkline.domain.views import NO_WEBHOOK
from trunkline.eventlog.streams import ensure_all_calls
from trunkline.records.ended_calls import tell_ended_calls
from trunkline.records.feed import follow
from trunkline.records.messages import Messages, keep_messages
from trunkline.records.projection import Projection, WrongFile
from trunkline.records.queries import Queries
from trunkline.records.server import RecordsServicer
from trunkline.records.settings import RecordsSettings
from trunkline.records.sweeping import sweep
from trunkline.records.watching import Watchers
from trunkline.records.webhook_face import WebhookFace
from trunkline.records.webhook_sending import Sender
from trunkline.records.webhooks import Signing, Webhooks
from trunkline.runtime.authentication import Authenticator, tenant_keys_of
from trunkline.runtime.control import ControlState
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.key_use import KeyUses, tell_key_uses, tell_last_uses
from trunkline.runtime.logs import logger
from trunkline.runtime.service import Lifecycle, run_service

FILE = "records.sqlite"
MESSAGES_FILE = "messages.sqlite"
_SIDE_FILES = ("", "-wal", "-shm")


async def start(settings: RecordsSettings, life: Lifecycle) -> None:
    """For `run_service`: returns when all is under way. NATS may be away; what is on disk is answered from."""
    path = settings.state_dir / FILE
    projection = await open_or_rebuild(path)
    life.on_stop("projection", projection.close)
    watchers = Watchers()
    projection.on_written = watchers.publish
    queries = await Queries.open(path)
    life.on_stop("queries", queries.close)
    messages = await Messages.open(settings.state_dir / MESSAGES_FILE)
    life.on_stop("messages", messages.close)
    state = await ControlState.open(settings, life)

    signing = Signing.read(settings.webhook_key_file) if settings.webhook_key_file is not None else None

    def webhook_of(tenant: str) -> WebhookSet:
        owner = state.directory.tenants.get(TenantId(tenant))
        return NO_WEBHOOK if owner is None else owner.webhook

    webhooks: Webhooks | None = None
    if signing is not None and settings.region == settings.home:
        context = ssl.create_default_context(cafile=settings.webhook_roots_file)
        webhooks = Webhooks(projection.webhooks, webhook_of, signing, Sender(settings.webhook_networks, context))
    face = WebhookFace(projection.webhooks, webhook_of, signing, webhooks)
    life.spawn("ended calls", tell_ended_calls(state.nc, queries, settings.name))
    life.spawn("streams", ensure_all_calls(state.nc, settings.home, settings.regions))
    sweeping = life.spawn("sweeper", sweep(projection, settings.longest_call_s))
    keeping = life.spawn("captured messages", keep_messages(state.nc, messages))
    cleaning = life.spawn("old messages", messages.clean(settings.messages_days))
    following = life.spawn("calls", follow(state.nc, projection, settings.home))

    sending = {life.spawn("webhooks", webhooks.run())} if webhooks is not None else set()

    async def unfollow() -> None:
        tasks = {following, sweeping, keeping, cleaning, *sending}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    life.on_stop("calls", unfollow)
    uses = KeyUses()
    life.on_stop("last uses of keys", lambda: tell_last_uses(state.nc, settings.name, uses))
    authenticator = Authenticator(settings.operator_key_hash, tenant_keys_of(lambda: state.directory), on_use=uses.note)
    life.spawn("uses of keys", tell_key_uses(state.nc, settings.name, uses))
    server = GrpcServer(settings.grpc_listen, settings.tls, authenticator)
    add_RecordsServiceServicer_to_server(RecordsServicer(queries, watchers, messages, face), server.grpc)
    await server.start()
    life.on_stop("grpc", server.stop)
    await server.set_serving(True)


async def open_or_rebuild(path: Path) -> Projection:
    """A file that cannot be used is set aside under another name, and the stream is read from its beginning."""
    try:
        return await Projection.open(path)
    except WrongFile as error:
        beside = f"{path.name}.aside-{time.time_ns()}"
        logger("records").error("records file set aside, rebuilding from the stream", why=str(error), aside=beside)
        for end in _SIDE_FILES:
            side_file = path.with_name(path.name + end)
            if side_file.exists():
                side_file.rename(path.with_name(beside + end))
        return await Projection.open(path)


def main() -> None:
    run_service(RecordsSettings, start)


if __name__ == "__main__":
    main()
