"""The command on a whole platform: a tenant as a file, names at the prompt, every form of output, the doctor."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.platform import BIN, Platform

FILE = """
acls:
  FILED:
    addresses:
      - {cidr: 198.51.100.0/28, description: "from a file"}
    accounts:
      - {username: filed-1}
      - {username: filed-2, password_from: FILED_PASSWORD}
domains:
  filed:
    acls: [FILED]
    class_of_service: {countries: [NL], max_price: 0.75, currency: EUR}
    limits: {calls: 7}
    nearest_pop: us1
"""


def cli(platform: Platform, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    around = {**os.environ, "TRUNKLINE_STATE": str(platform.state), "NO_COLOR": "1", "COLUMNS": "200", **variables}
    return subprocess.run([BIN / "trunkline", *words], env=around, capture_output=True, text=True, timeout=60, check=False)


def test_a_tenant_becomes_what_its_file_says_and_a_second_time_nothing_is_done(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(FILE)
    differs = cli(platform, "diff", "-f", str(file))
    assert differs.returncode == 7 and "+ ACL FILED" in differs.stdout, differs.stderr
    missing = cli(platform, "apply", "-f", str(file))
    assert missing.returncode == 2 and "FILED_PASSWORD" in missing.stderr
    assert "FILED" not in cli(platform, "acl", "list", "-o", "name").stdout, "nothing was written"
    try:
        applied = cli(platform, "apply", "-f", str(file), "--wait", FILED_PASSWORD="a password of twenty")
        assert applied.returncode == 0, applied.stderr
        # One that was made up is shown once, and not on standard output; one that was given not at all.
        assert re.search(r"password of filed-1: \S{24}", applied.stderr) and "filed-2:" not in applied.stderr
        assert "a password of twenty" not in applied.stdout + applied.stderr
        again = cli(platform, "apply", "-f", str(file))
        assert (again.returncode, again.stdout) == (0, "nothing to change: all is as the file says\n")
        assert cli(platform, "diff", "-f", str(file)).returncode == 0
        domain = platform.json("domain", "show", "filed")
        assert (domain["acls"], domain["limits"]["max_calls"], domain["nearest_pop"]) == (["FILED"], 7, "us1")
        assert domain["class_of_service"]["max_rate_micros"] == 750_000
        exported = cli(platform, "export")
        assert yaml.safe_load(exported.stdout)["domains"]["filed"]["limits"] == {"calls": 7}
        whole = tmp_path / "whole.yaml"
        whole.write_text(exported.stdout)
        same = cli(platform, "diff", "-f", str(whole), "--prune")
        assert (same.returncode, same.stderr) == (0, ""), same.stdout
    finally:
        platform.cli("domain", "detach", "filed", "FILED", check=False)
        platform.cli("domain", "delete", "filed", check=False)
        platform.cli("acl", "delete", "FILED", check=False)


def test_an_exemption_from_bans_is_applied_by_operators_alone_and_exported(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text("tenant: acme\nacls:\n  EXEMPTED:\n    addresses: [{cidr: 10.0.0.0/8, ban_exempt: true}]\n")
    refused = cli(platform, "apply", "-f", str(file))
    assert refused.returncode == 5 and "10.0.0.0/8" in refused.stderr and "EXEMPTED" not in platform.cli("acl", "list").stdout
    try:
        assert cli(platform, "apply", "-f", str(file), "--as-operator").returncode == 0
        assert [row["is_ban_exempt"] for row in platform.json("acl", "show", "EXEMPTED")["addresses"]] == [True]
        assert yaml.safe_load(cli(platform, "export").stdout)["acls"]["EXEMPTED"]["addresses"] == [
            {"cidr": "10.0.0.0/8", "ban_exempt": True}
        ]
        assert cli(platform, "diff", "-f", str(file)).returncode == 0
    finally:
        platform.cli("acl", "address", "remove", "EXEMPTED", "10.0.0.0/8", check=False)
        platform.cli("acl", "delete", "EXEMPTED", check=False)


def test_a_tenant_is_again_what_it_was_at_a_position_and_that_can_be_undone_too(platform: Platform) -> None:
    platform.cli("acl", "create", "UNDONE")
    platform.cli("acl", "address", "add", "UNDONE", "198.51.100.7", "--description", "as it was")
    platform.cli("domain", "create", "undone")
    then = platform.json("domain", "attach", "undone", "UNDONE")["receipt"]["position"]
    was = cli(platform, "export").stdout
    try:
        platform.cli("domain", "detach", "undone", "UNDONE")
        platform.cli("acl", "address", "remove", "UNDONE", "198.51.100.7")
        platform.cli("domain", "class-of-service", "undone", "DE")
        after = platform.json("acl", "create", "SINCE")["receipt"]["position"]
        now = cli(platform, "export").stdout
        assert cli(platform, "export", "--at", str(then)).stdout == was != now
        asked = cli(platform, "undo", "--to", str(then))
        assert asked.returncode == 2 and "nothing was changed" in asked.stderr and "- ACL SINCE" in asked.stdout
        assert cli(platform, "export").stdout == now
        done = cli(platform, "undo", "--to", str(then), "--yes", "--wait")
        assert done.returncode == 0 and f"as at position {then}" in done.stdout, done.stderr
        assert cli(platform, "export").stdout == was
        again = cli(platform, "undo", "--to", str(then), "--yes")
        assert (again.returncode, again.stdout) == (0, f"nothing to change: all is as at position {then}\n")
        assert cli(platform, "undo", "--to", str(after), "--yes").returncode == 0
        assert cli(platform, "export").stdout == now
    finally:
        for words in (["domain", "detach", "undone", "UNDONE"], ["domain", "delete", "undone"], ["acl", "delete", "UNDONE"]):
            platform.cli(*words, check=False)
        platform.cli("acl", "delete", "SINCE", check=False)
    assert cli(platform, "undo", "--to", "100000000", "--yes").returncode == 1


def test_a_file_of_another_tenant_or_with_a_mistake_changes_nothing(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("tenant: somebody-else\nacls: {}\n")
    assert cli(platform, "apply", "-f", str(file)).returncode == 5
    file.write_text("acls:\n  A:\n    adresses: []\n")
    refused = cli(platform, "apply", "-f", str(file))
    assert refused.returncode == 2 and "other.yaml:3" in refused.stderr and "'addresses'" in refused.stderr


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["acl", "show", ""], "{acl}"),
        (["domain", "attach", ""], "acme"),
        (["domain", "attach", "acme", ""], "{acl}"),
        (["account", "password", "{acl}", ""], "31000000"),
        (["pop", "drain", ""], "apac1"),
        (["carrier", "show", ""], "alpha"),
        (["acl", "list", "--tenant", ""], "acme"),
        (["route", "resolve", "+31201234567", "--region", ""], "apac"),
        (["acl", "delete", "{acl}", "--wait", ""], "region"),
        (["call", "show", ""], "last"),
        (["call", "list", "--reason", ""], "T203"),
    ],
)
def test_names_are_completed_from_the_service(platform: Platform, words: list[str], name: str) -> None:
    acl = platform.local["demo"]["acl"]
    asked = [word.format(acl=acl) for word in words]
    done = cli(platform, "__complete", *asked)
    assert name.format(acl=acl) in [line.split("\t")[0] for line in done.stdout.splitlines()], done.stdout + done.stderr


def test_every_form_of_output_holds_the_same(platform: Platform) -> None:
    rows = json.loads(cli(platform, "acl", "list", "-o", "json").stdout)
    assert yaml.safe_load(cli(platform, "acl", "list", "-o", "yaml").stdout) == rows
    assert cli(platform, "acl", "list", "-o", "name").stdout.split() == [row["name"] for row in rows]
    shown = cli(platform, "acl", "list").stdout
    assert "\x1b" not in shown and rows[0]["name"] in shown


def test_who_asks_is_told_with_what_the_key_may_and_until_when(platform: Platform) -> None:
    made = platform.cli("key", "create", "--name", "asker", "--scopes", "read", "--expires", "1h")
    found = re.search(r"tk_\S{43}", made.stderr)
    assert found
    try:
        told = json.loads(cli(platform, "whoami", "-o", "json", TRUNKLINE_API_KEY=found[0]).stdout)
        assert (told["tenant"], told["key"]["name"], told["key"]["scopes"]) == ("acme", "asker", ["read"]) and told["key"]["expire_time"]
        assert "asker" in cli(platform, "whoami", TRUNKLINE_API_KEY=found[0]).stdout
    finally:
        [row] = [row for row in platform.json("key", "list") if row["name"] == "asker"]
        platform.cli("key", "revoke", row["id"])
    assert "operator" in platform.cli("whoami", "--as-operator").stdout


def test_the_history_is_narrowed_by_who_what_where_and_when(platform: Platform) -> None:
    made = platform.json("acl", "create", "REMEMBERED")
    platform.cli("acl", "delete", "REMEMBERED")
    words = ("history", "list", "--what", "REMEMBERED", "--kind", "acl", "--who", "tenant:acme/", "--since", "1h")
    rows = platform.json(*words, "--from", "127.0.0.1")
    assert [row["changes"] for row in rows] == [["acl deleted"], ["acl created"]] and rows[1]["position"] == made["receipt"]["position"]
    assert platform.json(*words, "--from", "192.0.2.1") == [] and platform.json(*words, "--until", "1d") == []
    assert "acl/REMEMBERED" in platform.cli(*words).stdout


def test_a_position_is_waited_for_and_one_that_is_not_there_is_not_enforced(platform: Platform) -> None:
    position = platform.json("acl", "create", "WAITED")["receipt"]["position"]
    platform.cli("acl", "delete", "WAITED")
    assert {row["pop"] for row in platform.json("wait", str(position)) if row["is_applied"]} == set(platform.local["pops"])
    late = cli(platform, "wait", str(position + 1_000_000), "eu1", "--within", "1")
    assert late.returncode == 6 and "eu1" in late.stderr


def test_a_tenant_is_erased_by_its_name_said_twice(platform: Platform) -> None:
    platform.cli("tenant", "create", "erased")
    for words in ([], ["--confirm", "erase"]):
        refused = cli(platform, "tenant", "erase", "erased", *words)
        assert refused.returncode == 2 and "nothing was changed" in refused.stderr
    assert [row["is_forgotten"] for row in platform.json("tenant", "erase", "erased", "--confirm", "erased")] == [True]


def test_a_key_of_nobody_is_told_what_to_do(platform: Platform) -> None:
    done = cli(platform, "acl", "list", TRUNKLINE_API_KEY="tk_nobody")
    assert done.returncode == 5 and done.stderr.startswith("error: ")


def test_the_doctor_finds_a_healthy_platform_healthy(platform: Platform) -> None:
    done = cli(platform, "doctor", "-o", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and not [each for each in found if each["grade"] == "FAIL"], found
    assert {each["check"] for each in found} == {"service", "certificate", "clock", "pop", "replica", "dns", "access", "ban", "sip"}
    answered = {each["name"] for each in found if each["check"] == "sip" and each["grade"] == "OK"}
    assert answered == {f"{pop}/{transport}" for pop in platform.local["pops"] for transport in ("udp", "tcp")}
    good = {each["name"] for each in found if each["check"] == "certificate" and each["grade"] == "OK"}
    assert {"of this command", "provisioning-eu", "eu1 (SIP)"} <= good


def test_the_doctor_says_which_list_and_which_domain_have_no_effect(platform: Platform) -> None:
    platform.cli("acl", "create", "DOCTORED")
    platform.cli("domain", "create", "doctored")
    try:
        shown = cli(platform, "doctor", "--problems")
        assert shown.returncode == 0, shown.stdout
        assert re.search(r"WARN +access +DOCTORED: is attached to no domain.*\n +what to do: trunkline domain attach", shown.stdout)
        assert re.search(r"WARN +access +doctored: has no ACL", shown.stdout)
        assert not re.search(r"^OK", shown.stdout, re.MULTILINE)
    finally:
        platform.cli("domain", "delete", "doctored")
        platform.cli("acl", "delete", "DOCTORED")


def test_the_doctor_without_a_platform_says_what_fails(tmp_path: Path) -> None:
    around = {**os.environ, "TRUNKLINE_STATE": str(tmp_path), "NO_COLOR": "1", "TRUNKLINE_API_KEY": "tk_x"}
    done = subprocess.run([BIN / "trunkline", "doctor"], env=around, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "FAIL  service" in done.stdout and "make up" in done.stdout, done.stdout + done.stderr
