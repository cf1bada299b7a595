"""Kamailio as a customer's PBX: phones behind it, our edge before it; it answers our challenges and stays in the route of each call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import sipp, sipp_callee
from helpers.kamailio import TLS_PORT, Kamailio
from helpers.platform import Platform
from helpers.trunks import Trunk, create_carriers, create_customer, record_of

from trunkline.api.routing.v1.routing_pb2 import Gateway
from trunkline.lab.supervisor.authority import Authority

TENANT = "kamailio"
USERNAME, PASSWORD = "office", "office-password-1"
CALLER_IDS = {"office407": "+31205550407", "office401": "+31205550401", "officefirst": "+31205550408", "officeip": "+31205550100"}
CHALLENGES = {"office407": ["407"], "office401": ["401"], "officefirst": ["407"], "officeip": []}
PREFIXES = {"udp": "8501", "tcp": "8502", "tls": "8509"}
BEHIND = {"udp": "udp", "tcp": "tcp", "tls": "tcp"}
"""How phones and callees speak, by what the PBX speaks with the edge: SIPp has no TLS."""

CALLEE_PORTS = {"udp": 5070, "tcp": 5070, "tls": 5071}


@dataclass(frozen=True, slots=True)
class Office:
    pbx: Kamailio
    phone: str
    callee: str
    """Loopback addresses."""


@pytest.fixture(scope="module")
def office(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    host, phone, callee = (f"{platform.loopback}.20.{place}" for place in (1, 2, 3))
    trunks = [
        Trunk("office407", CALLER_IDS["office407"], username=USERNAME, password=PASSWORD),
        Trunk("office401", CALLER_IDS["office401"], username=USERNAME, password=PASSWORD, challenge_status=401),
        Trunk("officefirst", CALLER_IDS["officefirst"], username=USERNAME, password=PASSWORD, algorithms=("MD5", "SHA-256")),
        Trunk("officeip", CALLER_IDS["officeip"], address=f"{host}/32"),
    ]
    create_customer(platform, TENANT, trunks)
    create_carriers(
        platform,
        "office",
        {
            prefix: Gateway(name="eu", host=callee, port=CALLEE_PORTS[transport], transport=BEHIND[transport], region="eu", weight=1)
            for transport, prefix in PREFIXES.items()
        },
    )
    edge = f'"sip:{platform.edge("eu1")};transport=" + $proto'
    words = {"EDGE": edge, "REALM": platform.local["base_domain"], "USERNAME": USERNAME, "PASSWORD": PASSWORD}
    words |= {"EDGE_TLS": platform.local["pops"]["eu1"]["tls"], "OVER_TLS": PREFIXES["tls"]}
    folder = tmp_path_factory.mktemp("kamailio")
    tls = Authority.open(Path(platform.local["sip_ca_file"]).parent).issue_for("pbx", [host], folder)
    with Kamailio("pbx", folder, host, tls=tls, TRACKED="office401", **words) as pbx:
        yield Office(pbx, phone, callee)


def call(office: Office, folder: Path, transport: str, by_phone: list[str], by_callee: list[str]) -> str:
    """Both scenarios to their ends; what the phone saw."""
    with sipp_callee.running(folder / "callee", by_callee, host=office.callee, port=CALLEE_PORTS[transport], transport=BEHIND[transport]):
        result = sipp.run(
            folder / "phone",
            by_phone,
            target=office.pbx.address,
            local_address=office.phone,
            timeout_s=20,
            transport=BEHIND[transport],
        )
        result.must_succeed(1)
    return result.messages


@pytest.mark.parametrize("ender", ["caller", "callee"])
@pytest.mark.parametrize("transport", PREFIXES)
@pytest.mark.parametrize("label", CALLER_IDS)
def test_a_call_of_a_phone_behind_kamailio(
    platform: Platform, office: Office, tmp_path: Path, label: str, transport: str, ender: str
) -> None:
    """Answered, renegotiated by either side, hung up by either side. The PBX answers a 407, a 401, and the first of two algorithms; by
    address there is no challenge."""
    number = f"+{PREFIXES[transport]}{list(CALLER_IDS).index(label)}{'0' if ender == 'caller' else '1'}123456"
    caller = sipp.Caller(host=f"{label}.{platform.local['base_domain']}", number=number)
    hangs_up = ender == "caller"
    callee = sipp_callee.callee_of_a_long_call(hangs_up=not hangs_up)
    by_phone = sipp_callee.long_call(caller, hangs_up=hangs_up)
    at_phone = call(office, tmp_path, transport, by_phone, callee)
    edge = platform.local["pops"]["eu1"][transport]
    routes = {office.pbx.host, edge} if transport != "tls" else {office.pbx.host, f"{office.pbx.host}:{TLS_PORT}", edge}
    assert sipp_callee.record_routes(at_phone) == routes
    record = record_of(platform, TENANT, number)
    assert (record.outcome, record.status, record.ended_by, record.transport) == ("answered", 200, ender, transport)
    assert (record.domain, record.caller_id) == (label, CALLER_IDS[label])
    by_address = label == "officeip"
    assert (record.account, record.digest_algorithm) == (("", "") if by_address else (USERNAME, "MD5"))
    assert record.address == (f"{office.pbx.host}/32" if by_address else "")
    assert [attempt.result for attempt in record.attempts] == ["answered"]
    challenges = re.findall(rf"call to \{number} was challenged with (\d+)", office.pbx.log)
    assert challenges == CHALLENGES[label]


@pytest.mark.parametrize("transport", PREFIXES)
@pytest.mark.parametrize("label", CALLER_IDS)
def test_a_phone_behind_kamailio_gives_up_while_it_rings(
    platform: Platform, office: Office, tmp_path: Path, label: str, transport: str
) -> None:
    number = f"+{PREFIXES[transport]}{list(CALLER_IDS).index(label)}2123456"
    caller = sipp.Caller(host=f"{label}.{platform.local['base_domain']}", number=number)
    call(office, tmp_path, transport, sipp.cancelled_call(caller), sipp_callee.callee_that_rings())
    record = record_of(platform, TENANT, number)
    assert (record.outcome, record.status, record.caller_id) == ("cancelled", 487, CALLER_IDS[label])
