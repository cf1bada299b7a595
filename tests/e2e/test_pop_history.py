"""A point of presence dies on a platform of three regions, each with its own name server: the operator reads when, why and who saw it."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest
from helpers.everywhere import led_to
from helpers.platform import Platform, running_platform, wait_for

POPS = ("eu1", "us1", "apac1")
LIMIT_S = 120.0


@pytest.fixture
def three_regions(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path, pops=",".join(POPS), services="all") as platform:
        yield platform


def history(platform: Platform, pop: str = "") -> list[dict[str, Any]]:
    """As operators see it."""
    found: list[dict[str, Any]] = platform.json("pop", "history", *([pop] if pop else []), "--as-operator")
    return found


def in_dns(platform: Platform, pop: str) -> dict[str, Any]:
    """As operators see it."""
    return next(row for row in platform.json("pop", "list", "--as-operator") if row["name"] == pop)


def is_told(platform: Platform, pop: str, state: str) -> bool:
    row = in_dns(platform, pop)
    return row["health"] == state and row["health_since"] is not None


def test_death_and_return_of_a_point_of_presence_are_one_event_each_with_time_reason_and_who_saw_it(three_regions: Platform) -> None:
    platform = three_regions
    for pop in POPS:
        wait_for(f"{pop} is ready in the log", lambda pop=pop: is_told(platform, pop, "ready"), timeout_s=LIMIT_S)
    before = len(history(platform, "us1"))
    platform.lab("hold", "edge-us1")
    wait_for("us1 is down", lambda: is_told(platform, "us1", "down"), timeout_s=LIMIT_S)
    wait_for("the names lead elsewhere", lambda: "us1" not in led_to(platform, "acme"))
    down = in_dns(platform, "us1")
    assert "2 of 2 observers get no answer to OPTIONS" in down["health_reason"] and down["health_decided_by"].startswith("dns-")
    platform.lab("release", "edge-us1")
    wait_for("us1 is ready", lambda: is_told(platform, "us1", "ready"), timeout_s=LIMIT_S)
    platform.cli("pop", "drain", "us1", "--note", "new kernel", "--wait")
    wait_for("us1 is draining", lambda: is_told(platform, "us1", "draining"), timeout_s=LIMIT_S)
    platform.cli("pop", "undrain", "us1")
    wait_for("us1 is ready again", lambda: is_told(platform, "us1", "ready"), timeout_s=LIMIT_S)

    changes = history(platform, "us1")
    newest = changes[: len(changes) - before]
    assert [(row["old_state"], row["new_state"]) for row in reversed(newest)] == [
        ("ready", "down"),
        ("down", "ready"),
        ("ready", "draining"),
        ("draining", "ready"),
    ]
    assert newest[-1]["reason"] == down["health_reason"] and newest[-1]["time"] == down["health_since"]
    assert [row["reason"] for row in newest[:3]] == ["no longer drained", "new kernel", "seen well for 10 s"]
    assert all(row["decided_by"] == f"dns-{row['region']}" for row in changes)
    times = [row["time"] for row in history(platform)]
    assert times == sorted(times, reverse=True)

    key = platform.local["operator"]["api_key"]
    request = urllib.request.Request(f"{platform.local['rest']}/v1/pop-changes?pop=us1", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert [row["new_state"] for row in json.load(answer)["changes"]] == [row["new_state"] for row in changes]
    told = platform.cli("pop", "list").stdout
    assert "since" in told and "us1" in told
    # A customer sees what became of it, and neither the note nor who wrote it down.
    own = platform.json("pop", "history", "us1")
    assert [(row["time"], row["new_state"]) for row in own] == [(row["time"], row["new_state"]) for row in changes]
    assert not any(row["reason"] or row["decided_by"] for row in own)
    assert "new kernel" not in platform.cli("pop", "history").stdout
    assert "new kernel" in platform.cli("pop", "history", "--as-operator").stdout


def led_to_by_tls(platform: Platform, name: str) -> list[str]:
    """The points of presence that SRV of TLS leads to, in order of their names; doors left out."""
    host, port = platform.local["dns"].rsplit(":", 1)
    query = dns.message.make_query(f"_sips._tcp.{name}.{platform.local['base_domain']}", "SRV")
    records = [record for rrset in dns.query.udp(query, host, port=int(port), timeout=5).answer for record in rrset]
    return sorted(label for record in records if not (label := record.target.to_text().partition(".")[0]).endswith("-door"))


def restart_edge(platform: Platform, settings: str) -> None:
    """us1's, with other settings."""
    platform.lab("hold", "edge-us1")
    (platform.state / "run" / "edge-us1.toml").write_text(settings)
    platform.lab("release", "edge-us1")
    wait_for("us1 is there", lambda: in_dns(platform, "us1")["is_reachable"], timeout_s=LIMIT_S)


def test_a_tls_listener_that_does_not_answer_is_left_out_of_the_names_and_its_point_of_presence_stays(three_regions: Platform) -> None:
    """The edge is a real one that does not listen with TLS; what takes the connections in its place answers nothing."""
    platform = three_regions

    def without() -> list[str]:
        found: list[str] = in_dns(platform, "us1")["without_transports"]
        return found

    wait_for("all are led to", lambda: led_to_by_tls(platform, "acme") == sorted(POPS), timeout_s=LIMIT_S)
    whole = (platform.state / "run" / "edge-us1.toml").read_text()
    address = platform.local["pops"]["us1"]["tls"]
    host, _, port = address.partition(":")
    less = whole.replace(f'"{address}/tls", ', "").replace(f', "{address}/tls"', "")
    assert less != whole
    restart_edge(platform, less)
    with socket.create_server((host, int(port))):
        wait_for("TLS of us1 is known to be silent", lambda: without() == ["tls"], timeout_s=LIMIT_S)
        wait_for("TLS leads elsewhere", lambda: led_to_by_tls(platform, "acme") == ["apac1", "eu1"], timeout_s=LIMIT_S)
        wait_for("us1 is in use by UDP", lambda: "us1" in led_to(platform, "acme"), timeout_s=LIMIT_S)
        assert led_to_by_tls(platform, "acme.us1") == ["us1"]
        row = in_dns(platform, "us1")
        assert (row["health"], row["health_reason"]) == ("ready", "2 of 2 observers get no answer to OPTIONS over TLS")
        assert "ready without tls" in platform.cli("pop", "list").stdout
    restart_edge(platform, whole)
    wait_for("TLS of us1 is used again", lambda: not without() and led_to_by_tls(platform, "acme") == sorted(POPS), timeout_s=LIMIT_S)
    assert "ready without tls" in [row["new_state"] for row in history(platform, "us1")]
