"""An edge that has lost its disk while the log is away: calls go on, each asked of auth and routing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers import sipp
from helpers.everywhere import LISTED, demo_caller
from helpers.platform import Platform, wait_for


def pop_state(platform: Platform) -> str:
    return str(platform.json("pop", "list")[0]["state"])


def records(platform: Platform, number: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = platform.json("call", "list", "--number", number, "--limit", "100")
    return rows


def test_a_cold_edge_serves_by_asking_until_its_replica_is_complete(one_pop: Platform, tmp_path: Path) -> None:
    platform = one_pop
    with platform.held("nats-eu"):
        platform.lab("hold", "edge-eu1")
        for path in (platform.state / "data" / "edge-eu1").glob("replica.sqlite*"):
            path.unlink()
        (platform.state / "data" / "edge-eu1" / "keys.sealed").unlink()
        platform.lab("release", "edge-eu1")
        wait_for("the edge serves degraded", lambda: pop_state(platform) == "DEGRADED")

        edge = platform.edge("eu1")
        steps = sipp.answered_call(demo_caller(platform, "+31206200001"))
        sipp.run(tmp_path / "calls", steps, target=edge, local_address=LISTED, calls=20, rate=20).must_succeed(20)
        wrong = demo_caller(platform, "+31206200002", password="not-the-password")
        sipp.run(tmp_path / "wrong", sipp.refused_call(wrong, 403, "T204"), target=edge, local_address=LISTED).must_succeed(1)
        stranger = demo_caller(platform, "+31206200003", username="", password="")
        run = sipp.run(tmp_path / "source", sipp.refused_call(stranger, 403, "T203"), target=edge, local_address=f"{platform.loopback}.7.7")
        run.must_succeed(1)
        assert "Proxy-Authenticate" not in run.messages and "SIP/2.0 100" not in run.messages
        unknown = demo_caller(platform, "+31206200004", host=f"nosuchdomain.{platform.local['base_domain']}", username="", password="")
        sipp.run(tmp_path / "domain", sipp.refused_call(unknown, 403, "T201"), target=edge, local_address=LISTED).must_succeed(1)
        no_route = demo_caller(platform, "+29022158")
        sipp.run(tmp_path / "route", sipp.refused_call(no_route, 404, "T401"), target=edge, local_address=LISTED).must_succeed(1)

        with platform.held("routing-eu"):
            nobody = sipp.refused_call(demo_caller(platform, "+31206200005"), 503, "T906")
            sipp.run(tmp_path / "nobody", nobody, target=edge, local_address=LISTED).must_succeed(1)
    sipp.run(tmp_path / "ready", steps, target=edge, local_address=LISTED, calls=5).must_succeed(5)

    wait_for("25 records", lambda: len([row for row in records(platform, "+31206200001") if row["outcome"] == "answered"]) == 25)
    row = records(platform, "+31206200001")[0]
    assert (row["account"], row["caller_id"], row["domain"], row["tenant"]) == ("31000000", "+31000000", "acme", "acme")
    for number, reason in (("+31206200002", "T204"), ("+31206200003", "T203"), ("+29022158", "T401"), ("+31206200005", "T906")):
        assert [row["reason"] for row in records(platform, number)] == [reason]
    assert records(platform, "+31206200004") == []
