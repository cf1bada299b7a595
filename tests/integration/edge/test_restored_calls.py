"""Answered calls over the end of their edge: killed or stopped, their rows stand again in its next run, and it can still end them."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from contextlib import closing

import pytest
from helpers import sipp
from helpers.edge import ACME, HOST, LIMIT_S, NOT_YET, EdgeBench
from helpers.sipp import Result
from helpers.streams import StreamGateway, StreamPeer, connected
from helpers.waiting import until

from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceStub
from trunkline.domain.events import PLATFORM, CarrierSuspended, Kind, TenantSuspended
from trunkline.runtime.limit_messages import ASKED, ENDED, ended_bytes, ended_of

CALLS = 10
NAME = "running"
BRIEF_S = 15
"""Where it does not matter whether SIPp answers the BYEs."""


async def start(bench: EdgeBench) -> None:
    """Everything, and one gateway."""
    bench.start_gateway()
    position = await bench.provision(addresses=(f"{bench.caller_host}/32",))
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    await bench.applied(position)


class Running:
    """`CALLS` answered calls; SIPp ends after `timeout_s`, and what is sent to it then finds nobody."""

    def __init__(self, bench: EdgeBench, steps: list[str], timeout_s: int) -> None:
        def run() -> Result:
            folder, caller = bench.folder / NAME, bench.caller_host
            return sipp.run(folder, steps, target=bench.sip, local_address=caller, calls=CALLS, rate=50, timeout_s=timeout_s)

        self.task = asyncio.create_task(asyncio.to_thread(run))

    @classmethod
    async def start(cls, bench: EdgeBench, code: str, timeout_s: int = 120) -> tuple[Running, set[str]]:
        """And the calls' ids."""
        await start(bench)
        running = cls(bench, sipp.hung_up_call(bench.caller(), f"text=.{code} "), timeout_s)
        return running, {each.call for each in await bench.answered(CALLS)}


async def saved(bench: EdgeBench, number: int) -> None:
    """When the file of the edge has so many calls."""

    async def count() -> int:
        with closing(sqlite3.connect(f"file:{bench.edge.state_dir / 'calls.sqlite'}?mode=ro", uri=True)) as file:
            (found,) = file.execute("select count(*) from saved").fetchone()
        return int(found)

    await until(f"{number} calls are saved", count, lambda found: found == number, despite=(sqlite3.OperationalError,), limit_s=LIMIT_S)


async def hang_up(bench: EdgeBench, calls: set[str]) -> None:
    async with bench.edge.channel() as channel:
        for call in calls:
            await EdgeServiceStub(channel).HangUp(edge_pb2.HangUpRequest(call=call))


async def ended_once(bench: EdgeBench, calls: set[str], code: str) -> None:
    records = await bench.records_when(lambda records: len(records) == len(calls) and all(each.end_time.seconds for each in records))
    assert {each.call for each in records} == calls
    assert {(each.outcome, each.ended_by, each.reason) for each in records} == {("answered", "edge", code)}
    await until("no live call", bench.status, lambda status: status.live_calls == 0, despite=NOT_YET, limit_s=LIMIT_S)
    await saved(bench, 0)


@pytest.mark.parametrize("is_killed", [True, False])
async def test_calls_of_an_edge_that_was_killed_or_stopped_are_listed_again_and_hung_up_by_command(
    bench: EdgeBench, is_killed: bool
) -> None:
    running, calls = await Running.start(bench, "T601")
    if is_killed:
        await saved(bench, CALLS)
        await bench.edge.kill()
    else:
        # However young they are.
        assert await bench.edge.stop() == 0
    await bench.edge.start()
    assert {each.call for each in await bench.answered(CALLS)} == calls
    await hang_up(bench, calls)
    (await running.task).must_succeed(CALLS)
    await ended_once(bench, calls, "T601")


async def test_a_customer_whose_connection_died_with_the_edge_is_spoken_to_at_its_own_address_at_once(bench: EdgeBench) -> None:
    edge = (bench.sip_host, 5060)
    bench.edge.configure(listen=[bench.sip, f"{bench.sip}/tcp"])
    await start(bench)
    customer, home = connected(edge, address=bench.caller_host), StreamGateway(bench.caller_host)
    with closing(customer), closing(home):
        await asyncio.to_thread(set_up, customer, home)
        calls = {each.call for each in await bench.answered()}
        await saved(bench, 1)
        await bench.edge.kill()
        customer.close()
        # Who still turned to the connection's port would be taken there, and not answered.
        with socket.create_server(customer.address) as gone:
            await bench.edge.start()
            await hang_up(bench, calls)
            bye = await asyncio.to_thread(home.receive)
            assert bye.start_line.startswith(f"BYE sip:pbx@{home.host_port};transport=tcp ")
            home.answer(bye, "200 OK")
            gone.setblocking(False)
            with pytest.raises(BlockingIOError):
                gone.accept()
        await ended_once(bench, calls, "T601")


def set_up(customer: StreamPeer, home: StreamGateway) -> None:
    """An answered call by the customer's connection; `home` is where it says that it is."""
    text = customer.request(host=HOST)
    customer.send(text.replace(customer.contact("pbx"), home.contact("pbx")))
    ok = customer.final()
    assert ok.status == 200, ok
    routes = tuple(f"Route: {route}" for route in reversed(ok.all("Record-Route")))
    ack = customer.request("ACK", host=HOST, to_tag=ok.to_tag, extra=routes).replace("-1;rport", "-ack;rport")
    customer.send(ack)


@pytest.mark.parametrize(
    ("kind", "owner", "name", "event", "code"),
    [
        (Kind.TENANT, ACME, "acme", TenantSuspended(is_ending_calls=True), "T603"),
        (Kind.CARRIER, PLATFORM, "alpha", CarrierSuspended(is_ending_calls=True), "T604"),
    ],
)
@pytest.mark.parametrize("is_edge_away", [True, False])
async def test_a_suspension_ends_them_whether_it_came_while_the_edge_was_away_or_later(
    bench: EdgeBench,
    kind: Kind,
    owner: str,
    name: str,
    event: TenantSuspended | CarrierSuspended,
    code: str,
    is_edge_away: bool,
) -> None:
    running, calls = await Running.start(bench, code)
    await saved(bench, CALLS)
    await bench.edge.kill()
    if is_edge_away:
        await bench.write(kind, owner, name, event)
    await bench.edge.start()
    if not is_edge_away:
        await bench.answered(CALLS)
        await bench.write(kind, owner, name, event)
    (await running.task).must_succeed(CALLS)
    await ended_once(bench, calls, code)


async def test_an_edge_that_is_back_asks_for_calls_that_others_have_ended_and_tells_what_it_has_ended_itself(bench: EdgeBench) -> None:
    running, calls = await Running.start(bench, "T601", BRIEF_S)
    await saved(bench, CALLS)
    await bench.edge.kill()
    asked: asyncio.Queue[set[str]] = asyncio.Queue()
    told: asyncio.Queue[set[str]] = asyncio.Queue()

    async def on_asked(message: object) -> None:
        asked.put_nowait(set(ended_of(message.data)))  # type: ignore[attr-defined]

    async def on_told(message: object) -> None:
        told.put_nowait(set(ended_of(message.data)))  # type: ignore[attr-defined]

    await bench.client.subscribe(f"{ASKED}.eu1", cb=on_asked)
    await bench.client.subscribe(f"{ENDED}.eu1", cb=on_told)
    await bench.client.flush()
    await bench.edge.start()
    assert await asyncio.wait_for(asked.get(), LIMIT_S) == calls
    # Another point of presence has ended three of them while the edge was away.
    elsewhere = set(sorted(calls)[:3])
    await bench.client.publish(f"{ENDED}.us1", ended_bytes(sorted(elsewhere)))
    assert {each.call for each in await bench.answered(CALLS - 3)} == calls - elsewhere
    await saved(bench, CALLS - 3)
    await hang_up(bench, calls - elsewhere)
    await until("no live call", bench.status, lambda status: status.live_calls == 0, despite=NOT_YET, limit_s=LIMIT_S)
    # And now somebody asks this one.
    await bench.client.publish(f"{ASKED}.us1", ended_bytes([*sorted(calls), "0" * 32]))
    assert await asyncio.wait_for(told.get(), LIMIT_S) == calls
    await running.task


async def test_a_file_that_cannot_be_read_is_put_aside_and_the_edge_serves(bench: EdgeBench) -> None:
    running, calls = await Running.start(bench, "T601", BRIEF_S)
    assert await bench.edge.stop() == 0
    path = bench.edge.state_dir / "calls.sqlite"
    path.write_bytes(b"no database at all" * 100)
    await bench.edge.start()
    assert (await bench.status()).live_calls == 0
    assert path.with_suffix(".unreadable").read_bytes().startswith(b"no database")
    assert "cannot be read" in bench.edge.output()
    again = Running(bench, sipp.hung_up_call(bench.caller("+3123456790"), "text=.T601 "), BRIEF_S)
    young = {each.call for each in await bench.answered(CALLS)}
    assert not young & calls
    await hang_up(bench, young)
    await asyncio.gather(running.task, again.task)
