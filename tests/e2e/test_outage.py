"""Calls go on without the control plane, and no record is lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from helpers import sipp
from helpers.everywhere import LISTED, POPS, answered_so_far, answers_options, demo_caller, equal_digests, load, must_all_succeed, totals
from helpers.platform import Platform, wait_for

REST = ("nats-*", "provisioning-*", "auth-*", "routing-*", "records-*", "dns-*")
"""Everything but the edges and the carriers."""


def answered(platform: Platform, number: str) -> int:
    done = platform.cli("call", "list", "--number", number, "--limit", "1000", "-o", "json", check=False)
    if done.returncode != 0:
        return -1
    return len([row for row in json.loads(done.stdout) if row["outcome"] == "answered" and row["ended_by"]])


def calls(platform: Platform, folder: Path, number: str, count: int) -> None:
    steps = sipp.answered_call(demo_caller(platform, number))
    sipp.run(folder, steps, target=platform.edge("eu1"), local_address=LISTED, calls=count, rate=50).must_succeed(count)


def restart(platform: Platform, folder: Path, pop: str) -> float:
    """kill -9 of the edge; seconds until it answers SIP again. Then a call must succeed."""
    process = f"edge-{pop}"
    pid = platform.refresh()["pids"][process]
    started = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait_for("the edge answers OPTIONS", lambda: answers_options(platform, pop), every_s=0.01)
    took_s = time.monotonic() - started
    one = sipp.answered_call(demo_caller(platform, "+31201110003"))
    sipp.run(folder, one, target=platform.edge(pop), local_address=LISTED).must_succeed(1)
    return took_s


def test_calls_go_on_at_all_points_of_presence_with_everything_else_gone(six_pops: Platform, tmp_path: Path) -> None:
    platform = six_pops
    steps = sipp.answered_call(demo_caller(platform, "+31201110001"))
    count = must_all_succeed(load(platform, tmp_path / "before", steps, POPS, rate=60, seconds=1))
    wait_for("records before", lambda: totals(platform).answered == count)

    with platform.held(*REST):
        count += must_all_succeed(load(platform, tmp_path / "cut-off", steps, POPS, rate=60, seconds=3))
        for pop in POPS:
            print(f"{pop}: kill -9 to SIP answers {restart(platform, tmp_path / f'restart-{pop}', pop):.2f} s")
            count += 1
        count += must_all_succeed(load(platform, tmp_path / "after-restart", steps, POPS, rate=60, seconds=2))

    wait_for("every record", lambda: answered_so_far(platform) == count, timeout_s=90, every_s=0.25)
    assert totals(platform).records == count
    print(equal_digests(platform))


def test_killed_nats_records_and_edge_lose_and_double_nothing(one_pop: Platform, tmp_path: Path) -> None:
    platform = one_pop
    for number, victim in (("+31201120001", "nats-eu"), ("+31201120002", "records-eu"), ("+31201120003", "provisioning-eu")):
        calls(platform, tmp_path / f"{victim}-1", number, 25)
        os.kill(platform.refresh()["pids"][victim], signal.SIGKILL)
        calls(platform, tmp_path / f"{victim}-2", number, 25)
    for number in ("+31201120001", "+31201120002", "+31201120003"):
        wait_for(f"50 records of {number}", lambda number=number: answered(platform, number) == 50)


def test_wiped_projections_come_back_with_the_same_answers(one_pop: Platform, tmp_path: Path) -> None:
    platform = one_pop
    calls(platform, tmp_path / "calls", "+31201130001", 5)
    wait_for("5 records", lambda: answered(platform, "+31201130001") == 5)
    queries = (("acl", "list"), ("domain", "list"), ("carrier", "list"), ("call", "list", "--number", "+31201130001"))
    before = {query: platform.json(*query) for query in queries}
    pop_before = platform.json("pop", "list")
    platform.stop()
    wiped = [path for path in (platform.state / "data").rglob("*.sqlite*") if "keys" not in path.name]
    assert wiped
    for path in wiped:
        path.unlink()
    platform.start()
    wait_for("the edge has caught up", lambda: platform.json("pop", "list")[0]["position"] == pop_before[0]["position"])
    assert platform.json("pop", "list")[0]["digest"] == pop_before[0]["digest"]
    for query in queries:
        wait_for(f"the same answer to {query}", lambda query=query: platform.json(*query) == before[query])
    calls(platform, tmp_path / "again", "+31201130002", 5)


def test_an_interrupt_leaves_no_process_behind(one_pop: Platform) -> None:
    pids = one_pop.refresh()["pids"]
    kinds = ("nats", "provisioning", "auth", "routing", "records", "dns", "carrier-alpha", "carrier-beta")
    services = {f"{kind}-eu" for kind in kinds}
    assert services | {"edge-eu1"} <= set(pids)
    one_pop.lab("freeze", "routing-eu")
    assert one_pop.stop() == 0
    alive = [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()]
    assert not alive
