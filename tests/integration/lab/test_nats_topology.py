"""Real servers of two regions with the configuration of the laboratory: who may do what, and what passes the leaf link."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import nats.errors
import pytest
from helpers.authority import tls_of
from helpers.nats import nats_server_binary
from helpers.ports import free_port
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import LogUnavailable
from trunkline.eventlog.streams import CALLS_ALL, ensure_all_calls, ensure_config
from trunkline.lab.supervisor.authority import TlsFiles
from trunkline.lab.supervisor.nats_conf import Server, User, render
from trunkline.runtime.nats_client import connect

REGIONS = ("eu", "us")
LIMIT_S = 20.0
SOURCED_LIMIT_S = 60.0
"""A stream that was not there at the first try is asked for its messages again after 10 to 20 s: nats-server's own retry of sources."""


def files_of(kind: str, process: str) -> TlsFiles:
    tls = tls_of(kind, process)
    return TlsFiles(tls.ca_file, tls.cert_file, tls.key_file)


class Regions:
    """`eu` is home, `us` hangs on it."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.ports = {region: free_port() for region in REGIONS}
        self.leaf = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        users = {
            "eu": [User(kind, f"{kind}-eu", "eu") for kind in ("provisioning", "auth", "routing", "records")],
            "us": [User("edge", "edge-us1", "us", "us1"), User("provisioning", "provisioning-us", "us")],
        }
        self.servers = {
            region: Server(
                region,
                "eu",
                REGIONS,
                f"127.0.0.1:{self.ports[region]}",
                folder / region,
                files_of("nats", f"nats-{region}"),
                users[region],
                leaf_listen=f"127.0.0.1:{self.leaf}" if region == "eu" else "",
                leaf_remote="" if region == "eu" else f"127.0.0.1:{self.leaf}",
            )
            for region in REGIONS
        }

    def start(self, region: str) -> None:
        path = self.folder / f"{region}.conf"
        path.write_text(render(self.servers[region]))
        with (self.folder / f"{region}.log").open("ab") as log:
            self.processes[region] = subprocess.Popen([nats_server_binary(), "-c", str(path)], stdout=log, stderr=log)

    def log(self, region: str) -> str:
        return (self.folder / f"{region}.log").read_text()

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait(10)

    async def client(self, kind: str, process: str, region: str) -> Client:
        client = await connect(f"tls://127.0.0.1:{self.ports[region]}", tls=tls_of(kind, process), name=process)
        self.stack.push_async_callback(client.close)
        return client


@pytest.fixture
async def regions(tmp_path: Path) -> AsyncIterator[Regions]:
    async with AsyncExitStack() as stack:
        made = Regions(tmp_path, stack)
        stack.callback(made.end)
        for region in REGIONS:
            made.start(region)
        await until("us has linked", lambda: "JetStream using domains" in made.log("us"), limit_s=LIMIT_S)
        yield made


async def with_streams(regions: Regions) -> None:
    await ensure_config(await regions.client("provisioning", "provisioning-eu", "eu"), "eu")
    async with asyncio.timeout(LIMIT_S):
        await ensure_all_calls(await regions.client("records", "records-eu", "eu"), "eu", REGIONS)


async def test_an_edge_reads_the_log_of_home_and_publishes_its_own_calls_which_arrive_at_home(regions: Regions) -> None:
    await with_streams(regions)
    edge = await regions.client("edge", "edge-us1", "us")
    assert await JetStreamLog(edge, home="eu").head() == 0
    await edge.request("calls.us.us1", b"fact", timeout=5)
    records = await regions.client("records", "records-eu", "eu")
    asking = partial(records.jetstream(domain="eu").stream_info, CALLS_ALL)
    await until("the fact at home", asking, lambda info: info.state.messages == 1, limit_s=SOURCED_LIMIT_S, despite=(nats.errors.Error,))


@pytest.mark.parametrize(
    "subject",
    [
        "config.acl.acme.OUT",
        "sync.config.head",
        "calls.us.us2",
        "calls.eu.eu1",
        "nonces.used.us2",
        "pops.seen.us2",
        "limits.use.us2",
        "keys.used.edge-us2",
        "limits.grant.us1",
        "$JS.eu.API.STREAM.DELETE.CONFIG",
        "$JS.eu.API.STREAM.PURGE.CONFIG",
        "$JS.eu.API.STREAM.UPDATE.CONFIG",
        "$JS.eu.API.STREAM.MSG.DELETE.CONFIG",
        "$JS.API.STREAM.DELETE.CALLS",
        "$JS.us.API.STREAM.PURGE.CALLS",
    ],
)
async def test_an_edge_may_not(regions: Regions, subject: str) -> None:
    edge = await regions.client("edge", "edge-us1", "us")
    await edge.publish(subject, b"{}")
    await until("the server refuses", lambda: "Publish Violation" in regions.log("us"), limit_s=LIMIT_S)


async def test_what_an_edge_of_another_region_tells_of_keys_reaches_homes_provisioning(regions: Regions) -> None:
    home = await regions.client("provisioning", "provisioning-eu", "eu")
    heard = await home.subscribe("keys.used.>")
    await home.flush()
    edge = await regions.client("edge", "edge-us1", "us")
    async with asyncio.timeout(LIMIT_S):
        # Interest crosses the link in its own time.
        while not heard.pending_msgs:
            await edge.publish("keys.used.edge-us1", b"[]")
            await asyncio.sleep(0.05)
    assert (await heard.next_msg()).data == b"[]"


async def test_an_edge_of_another_region_asks_one_records_service_which_calls_have_ended_and_hears_the_answer(regions: Regions) -> None:
    records = await regions.client("records", "records-eu", "eu")
    first = await records.subscribe("limits.asked.>", queue="records")
    second = await records.subscribe("limits.asked.>", queue="records")
    await records.flush()
    edge = await regions.client("edge", "edge-us1", "us")
    answers = await edge.subscribe("limits.ended.>")
    await edge.flush()
    asked = 0
    async with asyncio.timeout(LIMIT_S):
        # Interest crosses the link in its own time.
        while not first.pending_msgs + second.pending_msgs:
            await edge.publish("limits.asked.us1", b"")
            asked += 1
            await asyncio.sleep(0.05)
        while not answers.pending_msgs:
            await records.publish("limits.ended.records-eu", b"")
            await asyncio.sleep(0.05)
    await records.flush()
    assert 1 <= first.pending_msgs + second.pending_msgs <= asked, "one of a group hears a question"
    assert (await answers.next_msg()).subject == "limits.ended.records-eu"
    await records.publish("limits.ended.us1", b"")
    await until("the server refuses", lambda: 'Violation - Subject "limits.ended.us1"' in regions.log("eu"), limit_s=LIMIT_S)


async def test_what_a_service_of_another_region_tells_of_its_replica_reaches_homes_provisioning_in_its_own_name_only(
    regions: Regions,
) -> None:
    home = await regions.client("provisioning", "provisioning-eu", "eu")
    heard = await home.subscribe("replicas.at.>")
    await home.flush()
    service = await regions.client("provisioning", "provisioning-us", "us")
    async with asyncio.timeout(LIMIT_S):
        # Interest crosses the link in its own time.
        while not heard.pending_msgs:
            await service.publish("replicas.at.provisioning-us", b"{}")
            await asyncio.sleep(0.05)
    assert (await heard.next_msg()).subject == "replicas.at.provisioning-us"
    await service.publish("replicas.at.provisioning-eu", b"{}")
    await until("the server refuses", lambda: 'Violation - Subject "replicas.at.provisioning-eu"' in regions.log("us"), limit_s=LIMIT_S)


async def test_a_service_writes_its_own_aggregates_only_and_nobody_reads_anothers_inbox(regions: Regions) -> None:
    auth = await regions.client("auth", "auth-eu", "eu")
    await auth.publish("config.credential.acme.c1", b"")
    await auth.flush()
    assert "Violation" not in regions.log("eu")
    await auth.publish("config.domain.acme.acme", b"")
    await until("the server refuses", lambda: 'Publish Violation - Subject "config.domain.acme.acme"' in regions.log("eu"), limit_s=LIMIT_S)
    await auth.subscribe("_INBOX.records-eu.>")
    await until("the server refuses", lambda: "Subscription Violation" in regions.log("eu"), limit_s=LIMIT_S)


async def test_only_a_server_of_another_region_gets_a_leaf_link(regions: Regions, tmp_path: Path) -> None:
    posing = replace(regions.servers["us"], tls=files_of("edge", "edge-us1"), listen=f"127.0.0.1:{free_port()}", store=tmp_path / "posing")
    regions.servers["posing"] = posing
    regions.start("posing")
    await until(
        "home refuses",
        lambda: "Authorization Violation" in regions.log("posing") or "authentication error" in regions.log("eu"),
        limit_s=LIMIT_S,
    )
    assert "JetStream using domains" not in regions.log("posing")


async def test_without_a_certificate_nobody_connects(regions: Regions) -> None:
    stranger = Client()
    with pytest.raises((nats.errors.Error, OSError)):
        await stranger.connect(f"tls://127.0.0.1:{regions.ports['eu']}", allow_reconnect=False, connect_timeout=2)


async def test_with_home_gone_a_write_of_another_region_fails_at_once_and_says_what_to_do(regions: Regions) -> None:
    await with_streams(regions)
    client = await regions.client("provisioning", "provisioning-us", "us")
    log = JetStreamLog(client, home="eu")
    assert await log.head() == 0
    regions.processes["eu"].kill()
    await until("us has noticed", lambda: "Leafnode connection closed" in regions.log("us"), limit_s=LIMIT_S)
    began = asyncio.get_running_loop().time()
    with pytest.raises(LogUnavailable, match=r"eu.*try again"):
        await log.head()
    assert asyncio.get_running_loop().time() - began < 1.0
