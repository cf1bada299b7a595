"""What a customer notices when a region loses its carriers, its services or its link."""

from __future__ import annotations

import json
import time
from pathlib import Path

from helpers import sipp
from helpers.everywhere import LISTED, demo_caller
from helpers.platform import Platform, wait_for


def test_a_region_goes_on_without_its_carriers_services_and_link(two_regions: Platform, tmp_path: Path) -> None:
    platform = two_regions
    default, bound = demo_caller(platform, "+31206100001"), demo_caller(platform, "+31206100002", pop="us1")

    def answered(number: str) -> int:
        rows = platform.json("call", "list", "--number", number, "--limit", "100")
        return len([row for row in rows if row["outcome"] == "answered"])

    # Its carriers: a default name goes to the other region's, a bound name never does.
    platform.lab("hold", "carrier-alpha-us", "carrier-beta-us")
    sipp.run(tmp_path / "1", sipp.answered_call(default), target=platform.edge("us1"), local_address=LISTED).must_succeed(1)
    refused = sipp.refused_call(bound, 500, "T402")
    sipp.run(tmp_path / "2", refused, target=platform.edge("us1"), local_address=LISTED).must_succeed(1)

    def record(number: str) -> dict[str, object]:
        rows = wait_for(f"a record of {number}", lambda: [r for r in platform.json("call", "list", "--number", number) if r["status"]])
        return rows[0]

    assert [a["gateway"] for a in record("+31206100001")["attempts"]] == ["alpha/us", "beta/us", "alpha/eu"]  # type: ignore[attr-defined]
    assert [a["gateway"] for a in record("+31206100002")["attempts"]] == ["alpha/us", "beta/us"]  # type: ignore[attr-defined]
    platform.lab("release", "carrier-alpha-us", "carrier-beta-us")

    # Its auth: an account is added all the same, sealed by the other region's.
    platform.lab("hold", "auth-us")
    platform.cli("account", "add", platform.local["demo"]["acl"], "31777001", "--password", "a-good-password", "--wait")
    account = demo_caller(platform, "+31206100003", username="31777001", password="a-good-password")
    sipp.run(tmp_path / "3", sipp.answered_call(account), target=platform.edge("us1"), local_address=LISTED).must_succeed(1)
    platform.lab("release", "auth-us")

    # Its link: calls go on, a write in that region fails at once and says what to do, one at home names the POP that is away.
    platform.lab("hold", "link-us")
    sipp.run(tmp_path / "4", sipp.answered_call(default), target=platform.edge("us1"), local_address=LISTED, calls=20).must_succeed(20)
    began = time.monotonic()
    told = platform.cli("acl", "address", "add", platform.local["demo"]["acl"], "192.0.2.90", "--wait", "-o", "json", check=False)
    assert told.returncode != 0
    assert {answer["pop"]: answer["is_applied"] for answer in json.loads(told.stdout)["applied"]} == {"eu1": True, "us1": False}
    assert time.monotonic() - began < 6
    platform.lab("release", "link-us")
    wait_for("us1 has it", lambda: len({row["digest"] for row in platform.json("pop", "list")}) == 1, timeout_s=30)
    wait_for(
        "the records of the calls that the link kept",
        lambda: (
            len([r for r in platform.json("call", "list", "--number", default.number, "--limit", "100") if r["outcome"] == "answered"])
            == 21
        ),
        timeout_s=60,
    )
