"""An edge whose spare takes its address (`trunkline up --spares`): what is lost, and how soon calls are answered again. On two points of
presence, for each edge has a spare that follows the log as well."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from failover_scenario import SLACK_S, Case, scenario
from helpers.platform import Platform, running_platform

from trunkline.lab.sip.flow import Transport

POPS = ("eu1", "us1")
TAKEN_S = 1.0
"""From the death to the next answered call, by whatever record a client came: the address is taken within 20 ms (docs/failover.md), and a
request that was sent before is sent again after half a second."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("spare"), pops=",".join(POPS), has_spares=True) as platform:
        yield platform


@pytest.mark.timeout(600)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_is_lost_where_a_spare_takes_the_address(platform: Platform, tmp_path: Path, transport: Transport) -> None:
    [serving] = [row["edge"] for row in platform.json("pop", "list") if row["name"] == "eu1" and row["state"] == "READY"]
    case = Case("edge gone, spare there", (serving,))
    block = 900 + 50 * (transport == "tcp")
    _, times = asyncio.run(scenario(platform, tmp_path, case, transport, pops=POPS, block=block, leads_to=2))
    assert max(times.by_srv, times.by_a) <= TAKEN_S + SLACK_S, "the spare did not take the address at once"
