"""Names from the command line's side: they resolve with the receipt, are shown with their records, and settings are made of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.platform import Platform
from helpers.platform_grpc import blocking_channel, operator

from trunkline.api.dns.v1 import dns_pb2 as pb
from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceStub

REALM = "sip.trunkline.test"
POPS = ("eu1", "eu2", "us1", "us2", "apac1", "apac2")
LIMIT_S = 20


def dig(platform: Platform, name: str, kind: str) -> list[str]:
    host, _, port = platform.local["dns"].partition(":")
    command = ["dig", f"@{host}", "-p", port, name, kind, "+short", "+time=5", "+tries=1"]
    return sorted(subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.split("\n"))[1:]


@pytest.fixture(scope="module")
def names(platform: Platform) -> Iterator[DnsServiceStub]:
    with blocking_channel(platform, "dns-eu") as channel:
        yield DnsServiceStub(channel)


def test_a_name_resolves_when_its_receipt_says_that_it_is_enforced(platform: Platform) -> None:
    made = platform.cli("domain", "create", "quick", "--wait")
    assert dig(platform, f"quick.us2.{REALM}", "A") == [platform.edge("us2").partition(":")[0]]
    assert made.stdout.count("enforced at") == 6 and "served by DNS" in made.stdout
    platform.cli("domain", "nearest", "quick", "us1", "--wait")
    try:
        assert dig(platform, f"quick.{REALM}", "A") == [platform.edge("us1").partition(":")[0]]
        shown = platform.json("dns", "show", "quick")["names"]
        assert [(each["name"], each["pop"]) for each in shown] == [
            (f"quick.{REALM}", ""),
            *((f"quick.{pop}.{REALM}", pop) for pop in POPS),
        ]
        for name in shown:
            sets = {(each["name"], each["type"]): each["records"] for each in name["record_sets"]}
            assert len(sets) == 5 and all(sorted(records) == dig(platform, *key) for key, records in sets.items())
        services = next(each for each in shown[0]["record_sets"] if each["name"].startswith("_sip._udp."))
        assert [record.split()[3] for record in services["records"]] == [f"{pop}.{REALM}." for pop in ("us1", "us2", "eu1", "apac1")]
    finally:
        platform.cli("domain", "delete", "quick", "--wait")
    assert dig(platform, f"quick.{REALM}", "A") == []


def test_names_are_shown_to_their_tenant(platform: Platform) -> None:
    assert f"acme.apac2.{REALM}  (bound to apac2, which is ready)" in platform.cli("dns", "show", "acme").stdout
    assert platform.cli("dns", "show", "acme", "--tenant", "other", check=False).returncode == 5


@pytest.mark.parametrize("pbx", ["asterisk", "freeswitch", "3cx", "kamailio", "baresip"])
def test_settings_hold_names_and_usernames_and_no_password(platform: Platform, names: DnsServiceStub, pbx: str) -> None:
    demo = platform.local["demo"]
    for transport in ("udp", "tcp", "tls"):
        request = pb.GetPbxSettingsRequest(tenant=demo["tenant"], label="acme", pbx=pbx, transport=transport, pop="us1")
        shown = names.GetPbxSettings(request, metadata=operator(platform), timeout=LIMIT_S)
        text = "".join(file.content for file in shown.files)
        assert f"acme.us1.{REALM}" in text and demo["account"] in text and "PASSWORD" in text
        assert demo["password"] not in str(shown) and demo["account"] in shown.usernames


def test_settings_for_kamailio_are_read_by_kamailio(platform: Platform, tmp_path: Path) -> None:
    """Where no namespace may be made this much is tried: `test_pbx_settings.py` calls by them."""
    shown = platform.cli("dns", "settings", "acme", "--pbx", "kamailio", "--transport", "udp").stdout
    modules = ("tm", "sl", "rr", "pv", "siputils", "textops")
    head = "#!KAMAILIO\nlisten=udp:127.0.0.1:5999\n" + "".join(f'loadmodule "{name}.so"\n' for name in modules)
    (tmp_path / "kamailio.cfg").write_text(f"{head}{shown}\nrequest_route {{ route(TRUNKLINE); }}\n")
    command = ["/usr/sbin/kamailio", "-c", "-f", str(tmp_path / "kamailio.cfg"), "-Y", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_who_answers_is_told_to_operators(platform: Platform) -> None:
    shown = platform.json("dns", "drift")
    assert [(each["name"], each["drift_total"], each["problem"]) for each in shown["holders"]] == [
        (f"embedded {platform.local['dns']}", 0, "")
    ]
    assert (shown["unread_pop_changes_total"], shown["unanswered_queries_total"]) == (0, 0)
