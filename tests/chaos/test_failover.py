"""What a customer loses when something dies: edges, points of presence, a region, its carriers, its link, home, and all drained in turn.

Under `TRUNKLINE_CHAOS_CALLS` calls a second (200), on default and bound names, over UDP and TCP, each case a row: docs/failover.md says
what its columns are and how it was got. `TRUNKLINE_CHAOS_CASES` and `TRUNKLINE_CHAOS_TRANSPORTS` choose, with commas between;
`TRUNKLINE_CHAOS_SLACK_S` (1) is what a machine that does much else may add to times that are promised.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from failover_scenario import Case, scenario
from helpers.everywhere import POPS
from helpers.platform import Platform, running_platform

from trunkline.lab.sip.flow import Transport

CASES = (
    Case("edge killed", ("edge-eu1",), is_killed=True),
    Case("POP gone", ("edge-eu1",)),
    Case("region us gone", ("edge-us?", "nats-us", "*-us")),
    Case("carriers of us gone", ("carrier-*-us",)),
    Case("link of us cut", ("link-us",)),
    Case("home eu gone", ("edge-eu?", "nats-eu", "auth-eu", "provisioning-eu", "routing-eu", "records-eu", "dns-eu")),
    Case("all POPs drained in turn", drains=True),
    Case("carriers of us killed", ("carrier-*-us",), is_killed=True),
)
"""Numbers dialled are made of their places: new ones at the end."""
_CHOSEN = [name for name in os.environ.get("TRUNKLINE_CHAOS_CASES", "").split(",") if name]
_TRANSPORTS: Sequence[str] = os.environ.get("TRUNKLINE_CHAOS_TRANSPORTS", "udp,tcp").split(",")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("failover")
    with running_platform(folder, services="all", links=("us=0", "apac=0")) as platform:
        yield platform


@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", _TRANSPORTS)
@pytest.mark.parametrize("case", [case for case in CASES if not _CHOSEN or case.name in _CHOSEN], ids=lambda case: case.name)
def test_what_is_lost(platform: Platform, tmp_path: Path, case: Case, transport: Transport) -> None:
    block = 100 * (1 + CASES.index(case)) + 50 * (transport == "tcp")
    asyncio.run(scenario(platform, tmp_path, case, transport, pops=POPS, block=block, leads_to=4))
