"""Calls at every point of presence, by default and by bound names; what is written is enforced at all of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype
import pytest
from helpers import sipp, softphone
from helpers.everywhere import LISTED, POPS, demo_caller, equal_digests
from helpers.new_names import seconds_after_enforced
from helpers.platform import Platform, wait_for
from helpers.platform_grpc import channel

ANSWERED_S = 2.0
"""Milliseconds, where a processor is free: see docs/dns.md."""
"""After it is enforced at the last point of presence: both follow the same log, and who asks is told a few milliseconds later."""
REGION_OF = {pop: pop.rstrip("12") for pop in POPS}


def answered(platform: Platform, number: str, count: int = 1) -> list[dict[str, Any]]:
    def rows() -> list[dict[str, Any]]:
        found = [row for row in platform.json("call", "list", "--number", number) if row["outcome"] == "answered" and row["ended_by"]]
        return found if len(found) >= count else []

    return wait_for(f"{count} answered records of {number}", rows)


@pytest.mark.parametrize("pop", POPS)
def test_sipp_calls_by_default_and_bound_name_and_the_regions_own_carrier_answers(platform: Platform, tmp_path: Path, pop: str) -> None:
    number = f"+3120600{POPS.index(pop):02d}11"
    for name, bound in (("default", ""), ("bound", pop)):
        steps = sipp.answered_call(demo_caller(platform, number, pop=bound))
        sipp.run(tmp_path / name, steps, target=platform.edge(pop), local_address=LISTED, calls=5).must_succeed(5)
    for row in answered(platform, number, 10):
        assert row["pop"] == pop
        assert [attempt["gateway"] for attempt in row["attempts"]] == [f"alpha/{REGION_OF[pop]}"]


@pytest.mark.parametrize("pop", POPS)
def test_pjsua2_calls_at_every_point_of_presence(platform: Platform, pop: str) -> None:
    caller = demo_caller(platform, "+31206000301")
    order = {
        "proxy": platform.edge(pop),
        "uri": f"sip:{caller.number}@{caller.host}",
        "id_uri": f"sip:{caller.username}@{caller.host}",
        "local_address": LISTED,
        "username": caller.username,
        "password": caller.password,
    }
    answer = softphone.place(order)
    assert answer["confirmed"] and answer["over"], answer


def test_a_bound_name_at_another_point_of_presence_is_refused_alike_for_known_and_unknown_domains(
    platform: Platform, tmp_path: Path
) -> None:
    realm = platform.local["base_domain"]
    for label in ("acme", "nosuchdomain"):
        caller = demo_caller(platform, "+31206000401", host=f"{label}.us1.{realm}", username="", password="")
        refused = sipp.refused_call(caller, 403, "SIP/2.0 403 Name Bound To Another POP T206")
        sipp.run(tmp_path / label, refused, target=platform.edge("apac1"), local_address=LISTED).must_succeed(1)
    rows = wait_for("a record of the owner's call", lambda: platform.json("call", "list", "--number", "+31206000401"))
    assert [(row["domain"], row["reason"], row["pop"]) for row in rows] == [("acme", "T206", "apac1")]


def test_a_write_names_every_point_of_presence_with_its_time(platform: Platform) -> None:
    acl = platform.local["demo"]["acl"]
    try:
        told = json.loads(platform.cli("acl", "address", "add", acl, "192.0.2.77", "--wait", "all", "-o", "json").stdout)
        assert {answer["pop"] for answer in told["applied"]} == set(POPS)
        assert all(answer["is_applied"] and 0 <= answer["ms"] < 5000 for answer in told["applied"])
        traces = {answer["trace_id"] for answer in told["applied"]}
        assert len(traces) == 1 and len(traces.pop()) == 32
        shown = platform.cli("trace", str(told["receipt"]["position"])).stdout
        assert all(pop in shown for pop in POPS), shown
        assert "AddAddress" in shown
        near = json.loads(platform.cli("acl", "address", "remove", acl, "192.0.2.77", "--wait", "eu", "-o", "json").stdout)
        assert {answer["pop"] for answer in near["applied"]} == {"eu1", "eu2"}
    finally:
        platform.cli("acl", "address", "remove", acl, "192.0.2.77", check=False)


def test_all_points_of_presence_hold_the_same(platform: Platform) -> None:
    assert equal_digests(platform)["position"]


def _ask(platform: Platform, name: str, kind: str) -> dns.message.Message:
    host, port = platform.local["dns"].rsplit(":", 1)
    return dns.query.udp(dns.message.make_query(name, kind), host, port=int(port), timeout=5)


def test_dns_leads_to_a_point_of_presence(platform: Platform, tmp_path: Path) -> None:
    realm = platform.local["base_domain"]
    offered = {each.service: each for each in _ask(platform, f"acme.{realm}", "NAPTR").answer[0]}
    assert sorted(offered, key=lambda service: offered[service].order) == [b"SIPS+D2T", b"SIP+D2T", b"SIP+D2U"]
    naptr = offered[b"SIP+D2U"]
    services = sorted(_ask(platform, naptr.replacement.to_text(), "SRV").answer[0], key=lambda each: each.priority)
    assert services[0].target.to_text().startswith("eu")
    address = _ask(platform, services[0].target.to_text(), "A").answer[0][0].address
    steps = sipp.answered_call(demo_caller(platform, "+31206000501"))
    sipp.run(tmp_path, steps, target=f"{address}:{services[0].port}", local_address=LISTED).must_succeed(1)

    apac = _ask(platform, f"acme.apac1.{realm}", "A").answer[0]
    assert [each.address for each in apac] == [platform.edge("apac1").split(":")[0]]


def test_a_new_domain_resolves_as_fast_as_it_is_enforced(platform: Platform) -> None:
    def resolves(label: str) -> bool:
        return bool(_ask(platform, f"{label}.eu2.{platform.local['base_domain']}", "A").answer)

    async def race() -> float:
        async with channel(platform, "dns-eu") as to_dns:
            return await seconds_after_enforced(platform, to_dns, resolves)

    after_s = asyncio.run(race())
    print(f"a new domain resolves {1000 * after_s:.0f} ms after it was enforced everywhere")
    assert after_s <= ANSWERED_S
