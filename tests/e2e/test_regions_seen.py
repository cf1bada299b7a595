"""One view of home, regions and every replica: whole, with a service away, and with a link that is cut."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.platform import Platform, wait_for

pytestmark = pytest.mark.timeout(300)

SERVICES = {"provisioning", "auth", "routing", "records", "dns"}


def test_home_regions_and_every_replica_are_seen_and_who_is_away_is_named(two_regions: Platform) -> None:
    platform = two_regions

    def seen(words: tuple[str, ...] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
        """Regions and processes by name."""
        answer = platform.json("region", "list")
        assert answer["home"] == "eu" and answer["epoch"]
        return {row["name"]: row for row in answer["regions"]}, {row["process"]: row for row in answer["replicas"]}

    everybody = {f"{kind}-{region}" for kind in SERVICES for region in ("eu", "us")} | {"edge-eu1", "edge-us1"}

    def is_whole() -> Any:
        _, replicas = seen()
        return replicas.keys() == everybody and all(row["state"] == "following" and not row["differs"] for row in replicas.values())

    wait_for("everybody is heard and follows", is_whole, every_s=0.5)
    regions, _ = seen()
    assert [name for name, row in regions.items() if row["is_home"]] == ["eu"]
    assert {row["replicas"] for row in regions.values()} == {6} == {row["following"] for row in regions.values()}
    assert [row["calls_lag"] for row in regions.values()] == [0, 0], "every call fact is at home"
    # One that was asked before the others may be a write behind them.
    wait_for("all replicas have one content", lambda: len({row["digest"] for row in seen()[1].values()}) == 1, every_s=0.5)
    assert {row["process"] for row in platform.json("region", "show", "us")} == {name for name in everybody if name.endswith(("us", "us1"))}
    assert platform.cli("region", "show", "nowhere", check=False).returncode == 3

    with platform.held("routing-us"):
        wait_for("who is away is silent", lambda: seen()[1]["routing-us"]["state"] == "silent", every_s=0.5)
        told = platform.cli("region", "list")
        assert "routing-us is silent" in told.stderr and "routing-eu" not in told.stderr
    with platform.held("link-us"):
        wait_for("the region is not heard", lambda: seen()[0]["us"]["following"] == 0, every_s=0.5)
        assert seen()[0]["eu"]["following"] == 6
        wait_for(
            "home hears nothing of its calls", lambda: seen()[0]["us"]["calls_age_s"] > 3 > seen()[0]["eu"]["calls_age_s"], every_s=0.5
        )
    wait_for("everybody is back", is_whole, every_s=0.5)
