"""`trunkline up --spares`: the second edge of a point of presence takes the address of the first, and who is back waits. A customer's phone
that speaks TLS comes back to the same address, and its call goes on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from helpers import sipp, softphone
from helpers.everywhere import LISTED, answers_options, demo_caller
from helpers.platform import Platform, running_platform, wait_for


@pytest.fixture
def with_spare(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path, pops="eu1", has_spares=True) as platform:
        yield platform


def by_phone(platform: Platform, number: str, **more: object) -> dict[str, Any]:
    """A call of pjsua2 over TLS, which wants a certificate of the platform's authority."""
    caller = demo_caller(platform, number)
    order = {
        "transport": "tls",
        "ca_file": platform.local["sip_ca_file"],
        "proxy": f"{platform.local['pops']['eu1']['tls']};transport=tls",
        "uri": f"sip:{caller.number}@{caller.host};transport=tls",
        "id_uri": f"sip:{caller.username}@{caller.host}",
        "local_address": LISTED,
        "username": caller.username,
        "password": caller.password,
    }
    return softphone.place({**order, **more})


def shown_names(platform: Platform, asked: str) -> set[str]:
    """All names of the certificate that is shown at eu1 to who asks for that one, which it has to be good for."""
    host, _, port = platform.local["pops"]["eu1"]["tls"].partition(":")
    context = ssl.create_default_context(cafile=platform.local["sip_ca_file"])
    with context.wrap_socket(socket.create_connection((host, int(port)), timeout=5), server_hostname=asked) as made:
        return {name for _, name in (made.getpeercert() or {})["subjectAltName"]}  # type: ignore[misc]


def test_the_address_of_an_edge_that_is_gone_answers_and_its_calls_go_on_over_tls_too(with_spare: Platform, tmp_path: Path) -> None:
    platform = with_spare

    def states() -> dict[str, str]:
        return {row["edge"]: row["state"] for row in platform.json("pop", "list")}

    def called(number: str) -> None:
        steps = sipp.answered_call(demo_caller(platform, number))
        sipp.run(tmp_path / number, steps, target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)

    def record_of(number: str) -> dict[str, Any]:
        [row] = wait_for(
            f"a whole record of {number}",
            lambda: [row for row in platform.json("call", "list", "--number", number) if row["outcome"] != "live"],
        )
        return dict(row)

    before = states()
    assert sorted(before.values()) == ["READY", "STANDBY"]
    [first] = [edge for edge, state in before.items() if state == "READY"]
    [second] = [edge for edge, state in before.items() if state == "STANDBY"]
    called("+31206500001")
    bound = f"acme.eu1.{platform.local['base_domain']}"
    names = shown_names(platform, bound)
    on_phone, sign = "+31206500004", tmp_path / "hang-up"

    def outcomes() -> list[str]:
        return [row["outcome"] for row in platform.json("call", "list", "--number", on_phone)]

    with ThreadPoolExecutor(1) as pool:
        phoned = pool.submit(by_phone, platform, on_phone, hangs_up_when=str(sign), timeout_s=50)
        wait_for("the phone's call", lambda: outcomes() == ["live"])
        with platform.held(first):
            wait_for("the address answers", lambda: answers_options(platform, "eu1"))
            called("+31206500002")
            assert states() == {first: "UNREACHABLE", second: "READY"}
            assert shown_names(platform, bound) == names
            # Its connection is gone with its edge. It makes another to the same address, and hangs up.
            assert not phoned.done(), "its call was over before its edge"
            sign.touch()
            told = phoned.result(timeout=60)
            assert told["confirmed"] and told["over"] and told["codes"][-1] == 200, told
            went_on = record_of(on_phone)
            new = by_phone(platform, "+31206500005")
            assert new["confirmed"] and new["over"], new
    assert (went_on["outcome"], went_on["ended_by"], went_on["transport"], went_on["edge"]) == ("answered", "caller", "tls", first)
    wait_for("it is back and waits", lambda: states() == {first: "STANDBY", second: "READY"})
    called("+31206500003")
    edges = {"+31206500001": first, "+31206500002": second, "+31206500003": second, "+31206500005": second}
    for number, edge in edges.items():
        record = record_of(number)
        assert (record["outcome"], record["edge"]) == ("answered", edge)
