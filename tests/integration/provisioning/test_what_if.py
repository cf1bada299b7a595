"""Questions about many calls are answered one after the other, and not too many wait."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from helpers.authority import tls_of
from helpers.nats import NatsServer
from helpers.service import REALM, control_state, make_config
from helpers.waiting import until

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain import commands
from trunkline.domain.errors import Refusal
from trunkline.domain.events import TenantId
from trunkline.provisioning.what_if import MAX_WAITING, WhatIf
from trunkline.runtime.grpc_pool import PeerPool

ACME = TenantId("acme")


async def test_more_questions_than_may_wait_are_refused_and_others_get_their_turn_after(nats_server: NatsServer, tmp_path: Path) -> None:
    await make_config(nats_server)
    asked = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    pool = PeerPool([f"127.0.0.1:{server.sockets[0].getsockname()[1]}"], tls=tls_of("provisioning"), peer="records")
    async with server, control_state("provisioning", tmp_path, nats_server) as state:
        await state.write(commands.CreateTenant(ACME), common_pb2.WriteOptions(), actor="operator")
        what_if = WhatIf(state, pool, REALM, ())
        waiting = [asyncio.create_task(what_if.explain_calls(ACME, pb.ExplainCallsRequest())) for _ in range(MAX_WAITING)]
        await until("the first one asks", lambda: asked)
        with pytest.raises(Refusal, match="being answered"):
            await what_if.explain_calls(ACME, pb.ExplainCallsRequest())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(Refusal, match="not after since"):
            reversed_times = pb.ExplainCallsRequest()
            reversed_times.since.FromSeconds(2_000_000_000)
            reversed_times.until.FromSeconds(1_000_000_000)
            await what_if.explain_calls(ACME, reversed_times)
    await pool.close()
