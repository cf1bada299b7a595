"""Calls by clients that we did not write, through the whole platform."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import sipp, softphone
from helpers.platform import Platform, wait_for

LISTED = "127.0.0.1"


def demo_caller(platform: Platform, number: str) -> sipp.Caller:
    demo = platform.local["demo"]
    host = f"{demo['domain']}.{platform.local['base_domain']}" if "." not in demo["domain"] else demo["domain"]
    return sipp.Caller(host=host, number=number, username=demo["account"], password=demo["password"])


def test_sipp_places_calls_with_digest_and_each_gives_one_record(platform: Platform, tmp_path: Path) -> None:
    caller = demo_caller(platform, "+31205550870")
    sipp.run(tmp_path, sipp.answered_call(caller), target=platform.edge("eu1"), local_address=LISTED, calls=20).must_succeed(20)

    def records() -> list[dict[str, object]]:
        rows = platform.json("call", "list", "--number", caller.number)
        return rows if len([row for row in rows if row["outcome"] == "answered"]) == 20 else []

    rows = wait_for("20 answered records", records)
    assert len(rows) == 20
    row = rows[0]
    assert row["account"] == "31000000"
    assert row["status"] == 200
    assert row["ended_by"] == "caller"
    assert row["caller_id"] == "+31000000"
    assert int(str(row["position"])) > 0
    assert [attempt["result"] for attempt in row["attempts"]] == ["answered"]


def test_pjsua2_places_a_call_through_its_outbound_proxy(platform: Platform) -> None:
    caller = demo_caller(platform, "+31209876543")
    order = {
        "proxy": platform.edge("eu1"),
        "uri": f"sip:{caller.number}@{caller.host}",
        "id_uri": f"sip:{caller.username}@{caller.host}",
        "local_address": LISTED,
        "username": caller.username,
        "password": caller.password,
    }
    answer = softphone.place(order)
    assert answer["confirmed"] and answer["over"], answer


def test_the_called_side_hangs_up(platform: Platform, tmp_path: Path) -> None:
    caller = demo_caller(platform, "+31205550901")
    steps = [
        *sipp.authenticated_invite(caller),
        sipp.PROGRESS,
        sipp.recv(200, rrs=True),
        sipp.send(caller.request("ACK", 2, uri="[next_url]", to_tag=True, routes=True)),
        sipp.recv_request("BYE"),
        sipp.send(sipp.OK_TO_REQUEST),
    ]
    sipp.run(tmp_path, steps, target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    record = wait_for(
        "a record that the called side ended",
        lambda: [row for row in platform.json("call", "list", "--number", caller.number) if row["ended_by"] == "callee"],
    )[0]
    assert 900 <= int(record["duration_ms"]) <= 5000


@pytest.mark.parametrize("number", ["+12125550123", "+442071234567"])
def test_an_untrusted_carrier_gets_no_asserted_identity(platform: Platform, tmp_path: Path, number: str) -> None:
    caller = demo_caller(platform, number)
    sipp.run(tmp_path, sipp.answered_call(caller), target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    log = Path(platform.local["carriers"]["beta-eu"]["log"]).read_text(errors="replace")
    assert number[1:] in log
    assert "P-Asserted-Identity" not in log


def test_a_trusted_carrier_gets_the_asserted_identity_twice_and_no_spoofed_one(platform: Platform, tmp_path: Path) -> None:
    demo = demo_caller(platform, "+31207770123")
    caller = sipp.Caller(
        host=demo.host,
        number=demo.number,
        username=demo.username,
        password=demo.password,
        from_line='"Anonymous" <sip:anonymous@anonymous.invalid>',
        extra_headers="Privacy: ID\nP-Asserted-Identity: <sip:+19998887777@spoofed.example.com>\np-asserted-identity : <tel:+19998887776>",
    )
    sipp.run(tmp_path, sipp.answered_call(caller), target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    log = Path(platform.local["carriers"]["alpha-eu"]["log"]).read_text(errors="replace")
    # Each message up to its empty line; the file is read with its line ends made alike.
    heads = {method: [part.split("\n\n")[0] for part in log.split(f"\n{method} sip:")[1:]] for method in ("INVITE", "ACK", "BYE")}
    own = {method: [head for head in found if caller.number in head][-1] for method, found in heads.items()}
    for method, head in own.items():
        asserted = [line.partition(":")[2].strip() for line in head.splitlines() if line.lower().startswith("p-asserted-identity")]
        assert asserted == [f'"{demo.username}" <sip:+31000000@{demo.host};user=phone>', "<tel:+31000000>"], method
        assert "privacy: id" in head.lower(), method
        assert "1999888777" not in head and "Proxy-Authorization" not in head, method
