"""What a customer notices when a region loses its carriers, its services or its link."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

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
    with platform.held("carrier-alpha-us", "carrier-beta-us"):
        sipp.run(tmp_path / "1", sipp.answered_call(default), target=platform.edge("us1"), local_address=LISTED).must_succeed(1)
        refused = sipp.refused_call(bound, 500, "T402")
        sipp.run(tmp_path / "2", refused, target=platform.edge("us1"), local_address=LISTED).must_succeed(1)

        def record(number: str) -> dict[str, Any]:
            rows = wait_for(f"a record of {number}", lambda: [r for r in platform.json("call", "list", "--number", number) if r["status"]])
            found: dict[str, Any] = rows[0]
            return found

        def gateways(number: str) -> list[str]:
            return [attempt["gateway"] for attempt in record(number)["attempts"]]

        def states() -> dict[str, str]:
            """Of the region's gateways, as its edge sees them."""
            sights = [sight for name in ("alpha", "beta") for sight in platform.json("carrier", "show", name)["health"]]
            return {sight["carrier"]: sight["state"] for sight in sights if (sight["gateway"], sight["pop"]) == ("us", "us1")}

        # OPTIONS may have found one of them dead before the call came to it; where both are, a bound name tries them all the same.
        *dead, alive = gateways("+31206100001")
        assert alive == "alpha/eu" and set(dead) <= {"alpha/us", "beta/us"}, record("+31206100001")
        assert sorted(gateways("+31206100002")) == ["alpha/us", "beta/us"]

        # When it is known that they are dead nobody waits for them, and the record says why.
        wait_for("us1 to pass them over", lambda: states() == {"alpha": "open", "beta": "open"})
        numbers = iter(range(31206100101, 31206100199))

        def passed_over() -> tuple[str, list[str]] | None:
            # One that has never answered OPTIONS may be half open just then, and be tried; both may, for they died together.
            caller = demo_caller(platform, f"+{next(numbers)}")
            folder = tmp_path / caller.number
            sipp.run(folder, sipp.answered_call(caller), target=platform.edge("us1"), local_address=LISTED).must_succeed(1)
            *tried, alive = gateways(caller.number)
            assert alive == "alpha/eu", tried
            notes = record(caller.number)["notes"]
            return (caller.number, notes) if len(tried) < 2 and notes else None

        found = wait_for("a call that does not wait for them", passed_over)
        assert found is not None
        number, notes = found
        assert {note.partition(" since ")[0] for note in notes} <= {f"gateway {name}/us passed over" for name in ("alpha", "beta")}
        resolved = wait_for(
            "Resolve to know", lambda: [r for r in [platform.json("route", "resolve", number, "--region", "us")] if r["notes"]]
        )
        assert "gateway" in resolved[0]["notes"][0]

    # What calls have opened is half open then, until three calls have been served.
    wait_for("us1 to use them again", lambda: "open" not in states().values())
    back = demo_caller(platform, "+31206100005")
    sipp.run(tmp_path / "6", sipp.answered_call(back), target=platform.edge("us1"), local_address=LISTED).must_succeed(1)
    assert (gateways(back.number), record(back.number)["notes"]) == (["alpha/us"], [])

    # Its auth: an account is added all the same, sealed by the other region's.
    with platform.held("auth-us"):
        platform.cli("account", "add", platform.local["demo"]["acl"], "31777001", "--password", "a-good-password", "--wait")
        account = demo_caller(platform, "+31206100003", username="31777001", password="a-good-password")
        sipp.run(tmp_path / "3", sipp.answered_call(account), target=platform.edge("us1"), local_address=LISTED).must_succeed(1)

    # Its link: calls go on, a write in that region fails at once and says what to do, one at home names the POP that is away.
    with platform.held("link-us"):
        sipp.run(tmp_path / "4", sipp.answered_call(default), target=platform.edge("us1"), local_address=LISTED, calls=20).must_succeed(20)
        began = time.monotonic()
        told = platform.cli("acl", "address", "add", platform.local["demo"]["acl"], "192.0.2.90", "--wait", "-o", "json", check=False)
        assert told.returncode != 0
        assert {answer["pop"]: answer["is_applied"] for answer in json.loads(told.stdout)["applied"]} == {"eu1": True, "us1": False}
        assert time.monotonic() - began < 6
    wait_for("us1 has it", lambda: len({row["digest"] for row in platform.json("pop", "list")}) == 1)
    wait_for(
        "the records of the calls that the link kept",
        lambda: (
            len([r for r in platform.json("call", "list", "--number", default.number, "--limit", "100") if r["outcome"] == "answered"])
            == 21
        ),
        timeout_s=60,
    )
