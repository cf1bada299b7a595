"""A carrier speaks in a call from any of its gateways, at the edge that has the call and at one that has not, and nobody else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.dialogs import answered
from helpers.engine import EngineBench, Peer, by_address

from trunkline.engine.tables import SetGateway

OTHER, STRANGE = "127.0.0.7", "127.0.0.8"
"""Of the carrier, and of another one."""


@pytest.mark.parametrize("is_row_there", [True, False])
def test_a_bye_of_another_gateway_of_the_carrier_ends_the_call_and_one_of_another_carrier_does_not(
    bench: EngineBench, tmp_path: Path, is_row_there: bool
) -> None:
    serving = bench if is_row_there else EngineBench(tmp_path / "sibling")
    for each in (bench, serving):
        each.apply(*by_address())
    call = answered(bench)
    for each in (bench, serving):
        each.apply(
            SetGateway("alpha/1", "alpha", *call.gateway.address, "udp", True),
            SetGateway("alpha/2", "alpha", OTHER, 5060, "udp", True),
            SetGateway("beta/1", "beta", STRANGE, 5060, "udp", True),
            position=3,
        )
    try:
        if serving is not bench:
            bench.engine.stop()
        call.caller.target = serving.engine.addresses[0]
        for address, is_served in ((STRANGE, False), (OTHER, True)):
            peer = Peer(address, serving.engine.addresses[0])
            bench.peers.append(peer)
            peer.send(call.of_carrier("BYE", 2, peer))
            if not is_served:
                assert peer.final().start_line == "SIP/2.0 403 Route Not Ours T109"
                assert call.caller.hears_nothing()
                continue
            bye = call.caller.receive()
            assert bye.start_line.startswith("BYE ")
            call.caller.answer(bye, "200 OK")
            assert peer.final().status == 200
        serving.status_when("live_calls", 0)
    finally:
        if serving is not bench:
            serving.close()
