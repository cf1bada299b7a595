"""`trunkline up --spares`: the second edge of a point of presence takes the address of the first, and who is back waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import sipp
from helpers.everywhere import LISTED, answers_options, demo_caller
from helpers.platform import Platform, running_platform, wait_for


@pytest.fixture
def with_spare(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path, pops="eu1", has_spares=True) as platform:
        yield platform


def test_the_address_of_an_edge_that_is_gone_answers_and_its_calls_are_recorded(with_spare: Platform, tmp_path: Path) -> None:
    platform = with_spare

    def states() -> dict[str, str]:
        return {row["edge"]: row["state"] for row in platform.json("pop", "list")}

    def called(number: str) -> None:
        steps = sipp.answered_call(demo_caller(platform, number))
        sipp.run(tmp_path / number, steps, target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)

    before = states()
    assert sorted(before.values()) == ["READY", "STANDBY"]
    [first] = [edge for edge, state in before.items() if state == "READY"]
    [second] = [edge for edge, state in before.items() if state == "STANDBY"]
    called("+31206500001")
    with platform.held(first):
        wait_for("the address answers", lambda: answers_options(platform, "eu1"))
        called("+31206500002")
        assert states() == {first: "UNREACHABLE", second: "READY"}
    wait_for("it is back and waits", lambda: states() == {first: "STANDBY", second: "READY"})
    called("+31206500003")
    for number, edge in (("+31206500001", first), ("+31206500002", second), ("+31206500003", second)):
        [record] = wait_for("a record", lambda number=number: platform.json("call", "list", "--number", number))
        assert (record["outcome"], record["edge"]) == ("answered", edge)
