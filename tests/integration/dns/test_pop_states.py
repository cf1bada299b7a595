"""DNS follows what edges say of points of presence, over a real NATS, and what operators say in the log."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import dns.asyncquery
import dns.message
from helpers.nats import NatsServer
from helpers.service import REALM, control_state
from helpers.waiting import until
from integration.dns.conftest import HOST, LIMIT_S, NAMES, NameServer, reporting

from trunkline.api.common.v1.common_pb2 import WriteOptions
from trunkline.domain import commands as c
from trunkline.domain.events import TenantId
from trunkline.runtime.pop_watch import JUDGE_S

ACME = TenantId("acme")
KEPT_S = 4 * JUDGE_S
"""So many judgements more."""


async def targets(server: NameServer, label: str) -> list[str]:
    query = dns.message.make_query(f"_sip._udp.{label}.{REALM}", "SRV")
    response = await dns.asyncquery.udp(query, HOST, port=server.port, timeout=LIMIT_S)
    return sorted(record.target.to_text().partition(".")[0] for rrset in response.answer for record in rrset)


async def until_targets(server: NameServer, label: str, *expected: str) -> None:
    await until(
        f"{label} leads to {sorted(expected)}", lambda: targets(server, label), lambda found: found == sorted(expected), limit_s=LIMIT_S
    )


async def test_one_that_is_down_or_drained_is_left_out_of_default_names_and_its_own_name_stays(
    name_server: NameServer, nats_server: NatsServer, tmp_path: Path
) -> None:
    async with control_state("provisioning", tmp_path / "other", nats_server) as state:

        async def execute(command: c.Command) -> None:
            await state.execute(command, WriteOptions(), actor="operator")

        await execute(c.CreateTenant(ACME))
        await execute(c.CreateDomain(ACME, "acme"))
        await until_targets(name_server, "acme", *NAMES)
        await execute(c.DrainPop("us1", NAMES))
        await until_targets(name_server, "acme", "eu1", "eu2", "apac1")
        async with reporting(nats_server, "eu1"):
            await until_targets(name_server, "acme", "eu2", "apac1")
            assert await targets(name_server, "acme.eu1") == ["eu1"]
            assert await targets(name_server, "acme.us1") == ["us1"]
            await execute(c.UndrainPop("us1", NAMES))
            await until_targets(name_server, "acme", "eu2", "us1", "apac1")
            # What is believed of a drain survives the name server, what was measured is heard again.
            await execute(c.DrainPop("us1", NAMES))
            await name_server.kill()
            await name_server.start()
            await until_targets(name_server, "acme", "eu2", "apac1")
        # Nobody says anything any more: it stays as it is.
        await execute(c.UndrainPop("us1", NAMES))
        await until_targets(name_server, "acme", "eu2", "us1", "apac1")
        # Most of them seem dead, for longer than one look: none is taken out, and the one that is back comes back.
        async with reporting(nats_server, "eu2", "us1", "apac1"):
            await until("they are kept", lambda: written(name_server, "frozen"), lambda found: len(found) == 3, limit_s=LIMIT_S)
            await until_targets(name_server, "acme", *NAMES)
            began_s = time.monotonic()
            while time.monotonic() - began_s < KEPT_S:
                assert await targets(name_server, "acme") == sorted(NAMES)
                await asyncio.sleep(0.1)
        # Of one of them alone it is believed. The log has its end, and no other's but the first one's.
        async with reporting(nats_server, "us1"):
            await until_targets(name_server, "acme", "eu1", "eu2", "apac1")
            await until("it is written", lambda: written(name_server, "down"), lambda found: "us1" in found, limit_s=LIMIT_S)
        assert written(name_server, "down") == ["eu1", "us1"]


def written(server: NameServer, word: str) -> list[str]:
    """Of which points of presence the service has written that into the log, in order."""
    lines = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    return [line["pop"] for line in lines if (line["event"], line.get("now")) == ("change written", word)]
