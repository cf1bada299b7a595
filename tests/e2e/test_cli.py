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
