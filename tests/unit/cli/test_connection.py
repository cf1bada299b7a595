"""Which edges a command asks: all that are known, the spares too, or those of one point of presence."""

from __future__ import annotations

import pytest

from trunkline.cli.connection import Surroundings
from trunkline.cli.exits import CommandError, Exit

GRPC = {"provisioning-eu": "h:1", "edge-eu1": "h:2", "edge-eu1b": "h:3", "edge-us1": "h:4"}
LOCAL = {"pops": {"eu1": {}, "us1": {}}, "grpc": GRPC}


def test_edges_are_known_with_their_points_of_presence_and_spares() -> None:
    around = Surroundings(LOCAL, {})
    assert around.edges() == {"edge-eu1": "eu1", "edge-eu1b": "eu1", "edge-us1": "us1"}
    assert around.edges("eu1") == {"edge-eu1": "eu1", "edge-eu1b": "eu1"}


def test_edges_of_a_context_are_those_that_it_names() -> None:
    around = Surroundings({"grpc": {"edge-lon1": "h:1", "records": "h:2"}}, {})
    assert around.edges() == {"edge-lon1": "lon1"}


def test_a_point_of_presence_that_there_is_not_is_said_and_so_is_that_no_edge_is_known() -> None:
    with pytest.raises(CommandError) as missing:
        Surroundings(LOCAL, {}).edges("mars1")
    assert missing.value.code is Exit.NOT_FOUND
    with pytest.raises(CommandError) as none:
        Surroundings({}, {}).edges()
    assert none.value.code is Exit.UNAVAILABLE
