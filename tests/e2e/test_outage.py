"""Calls go on without the control plane, and no record is lost or doubled."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from helpers import sipp
from helpers.platform import Platform, wait_for

LISTED = "127.0.0.1"
REST = ("nats-eu", "provisioning", "auth", "routing", "records")


def demo(platform: Platform, number: str) -> sipp.Caller:
    local = platform.local["demo"]
    host = f"acme.{platform.local['base_domain']}"
    return sipp.Caller(host=host, number=number, username=local["account"], password=local["password"])


def answered(platform: Platform, number: str) -> int:
    done = platform.cli("call", "list", "--number", number, "--limit", "1000", "-o", "json", check=False)
    if done.returncode != 0:
        return -1
    import json

    return len([row for row in json.loads(done.stdout) if row["outcome"] == "answered" and row["ended_by"]])


def calls(platform: Platform, folder: Path, number: str, count: int) -> None:
    steps = sipp.answered_call(demo(platform, number))
    sipp.run(folder, steps, target=platform.edge, local_address=LISTED, calls=count, rate=50).must_succeed(count)


def test_calls_go_on_with_everything_else_gone_and_every_record_arrives_once(own_platform: Platform, tmp_path: Path) -> None:
    platform = own_platform
    calls(platform, tmp_path / "before", "+31201110001", 20)
    wait_for("records before", lambda: answered(platform, "+31201110001") == 20)

    platform.lab("hold", *REST)
    calls(platform, tmp_path / "cut-off", "+31201110002", 50)

    edge_pid = platform.refresh()["pids"]["edge-eu1"]
    started = time.monotonic()
    os.kill(edge_pid, signal.SIGKILL)
    wait_for("the edge has another process", lambda: platform.refresh()["pids"].get("edge-eu1", edge_pid) != edge_pid, timeout_s=10)
    one = sipp.answered_call(demo(platform, "+31201110003"))
    sipp.run(tmp_path / "restarted", one, target=platform.edge, local_address=LISTED).must_succeed(1)
    print(f"kill -9 to an answered call: {time.monotonic() - started:.2f} s")
    calls(platform, tmp_path / "after-restart", "+31201110004", 50)

    platform.lab("release", *REST)
    for number, count in (("+31201110002", 50), ("+31201110003", 1), ("+31201110004", 50)):
        wait_for(f"{count} records of {number}", lambda number=number, count=count: answered(platform, number) == count, timeout_s=60)
    assert answered(platform, "+31201110001") == 20


def test_killed_nats_records_and_edge_lose_and_double_nothing(own_platform: Platform, tmp_path: Path) -> None:
    platform = own_platform
    for number, victim in (("+31201120001", "nats-eu"), ("+31201120002", "records"), ("+31201120003", "provisioning")):
        calls(platform, tmp_path / f"{victim}-1", number, 25)
        os.kill(platform.refresh()["pids"][victim], signal.SIGKILL)
        calls(platform, tmp_path / f"{victim}-2", number, 25)
    for number in ("+31201120001", "+31201120002", "+31201120003"):
        wait_for(f"50 records of {number}", lambda number=number: answered(platform, number) == 50, timeout_s=60)


def test_wiped_projections_come_back_with_the_same_answers(own_platform: Platform, tmp_path: Path) -> None:
    platform = own_platform
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


def test_an_interrupt_leaves_no_process_behind(own_platform: Platform) -> None:
    pids = own_platform.refresh()["pids"]
    assert {"nats-eu", "provisioning", "auth", "routing", "records", "edge-eu1", "carrier-alpha", "carrier-beta"} <= set(pids)
    assert own_platform.stop() == 0
    alive = [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()]
    assert not alive
