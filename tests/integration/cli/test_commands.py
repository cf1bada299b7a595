"""The command against a platform of its own: every group once, receipts, exit codes, errors that say what to do."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.dashboard import Sender
from helpers.platform import BIN, Platform, running_platform, wait_for


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("cli"), pops="eu1") as platform:
        yield platform


def test_the_link_that_up_prints_logs_in_once(platform: Platform) -> None:
    """First of all here: it is good for 15 minutes."""
    [link] = re.findall(r"http://\S+/login/\S+", platform.output())
    owner = Sender(platform, "", link)
    status, page = owner.get("/")
    assert status == 200 and "Overview" in page and f"Tenant <strong>{platform.local['demo']['tenant']}</strong>" in page
    with pytest.raises(AssertionError, match=r"(?is)410.*this link was used already"):
        Sender(platform, "", link)
    assert owner.get("/")[0] == 200, "who used it first stays logged in"


def test_a_list_that_is_watched_is_printed_again_when_it_has_changed(platform: Platform) -> None:
    demo = str(platform.local["demo"]["acl"])
    around = {**os.environ, "TRUNKLINE_STATE": str(platform.state), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    command = [BIN / "trunkline", "acl", "list", "--watch", "-o", "name"]
    watching = subprocess.Popen(command, env=around, stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    assert watching.stdout is not None
    reader = threading.Thread(target=lambda out: lines.extend(line.strip() for line in out), args=[watching.stdout], daemon=True)
    reader.start()
    try:
        wait_for("the list as it is", lambda: demo in lines)
        platform.cli("acl", "create", "WATCHED")
        wait_for("the new one", lambda: "WATCHED" in lines)
        platform.cli("acl", "delete", "WATCHED")
        wait_for("the list without it", lambda: lines.count(demo) == 3)
        assert lines.count("WATCHED") == 1 and watching.poll() is None, lines
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130, "as shells have it of a command that Ctrl-C ended"
    finally:
        if watching.poll() is None:
            watching.kill()
            watching.wait()
        reader.join(10)


def refused(platform: Platform, code: int, *words: str) -> str:
    done = platform.cli(*words, check=False)
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert done.stderr.startswith("error: ")
    return done.stderr


def test_a_list_is_filled_attached_and_deleted_with_receipts(platform: Platform) -> None:
    made = platform.json("acl", "create", "OFFICE", "--wait")
    assert made["receipt"]["position"] > 0
    assert [(answer["pop"], answer["is_applied"]) for answer in made["applied"]] == [("eu1", True)]
    assert 0 <= made["applied"][0]["ms"] < 5000
    added = platform.json("acl", "address", "add", "OFFICE", "192.0.2.0/24", "--caller-id", "+31201230000", "--description", "office")
    assert added["result"]["addresses"] == [
        {"cidr": "192.0.2.0/24", "caller_id": "+31201230000", "description": "office", "is_ban_exempt": False}
    ]
    assert added["receipt"]["position"] > made["receipt"]["position"]
    assert added["applied"] == []
    platform.cli("domain", "create", "office1")
    attached = platform.json("domain", "attach", "office1", "OFFICE")
    assert attached["result"]["acls"] == ["OFFICE"]
    assert "office1" in refused(platform, 4, "acl", "delete", "OFFICE")
    platform.cli("domain", "detach", "office1", "OFFICE")
    platform.cli("acl", "address", "remove", "OFFICE", "192.0.2.0/24")
    platform.cli("domain", "delete", "office1")
    platform.cli("acl", "delete", "OFFICE")
    assert "OFFICE" not in [row["name"] for row in platform.json("acl", "list")]


def test_errors_say_what_why_and_what_to_do_with_an_exit_code(platform: Platform) -> None:
    acl = platform.local["demo"]["acl"]
    assert "192.0.2.0/24" in refused(platform, 1, "acl", "address", "add", acl, "192.0.2.1/24")
    refused(platform, 1, "acl", "address", "add", acl, "0.0.0.0/0")
    refused(platform, 3, "acl", "show", "NOPE")
    refused(platform, 4, "domain", "create", "acme", "--tenant", "acme")
    refused(platform, 5, "acl", "list", "--tenant", "somebody-else")
    refused(platform, 4, "acl", "address", "add", acl, "192.0.2.1", "--expect-version", "999")
    assert "line 2" in refused(platform, 1, "route", "import", "broken", str(_deck(platform.state, "31,nobody,0,1,0.1,x")))


def _deck(folder: Path, row: str) -> Path:
    path = folder / "deck.csv"
    path.write_text(f"prefix,carrier,priority,weight,rate,destination\n{row}\n")
    return path


def test_a_repeated_request_gets_the_first_answer(platform: Platform) -> None:
    words = ("acl", "create", "ONCE", "--request-id", "once-1")
    first, second = platform.json(*words), platform.json(*words)
    assert second["receipt"]["position"] == first["receipt"]["position"]
    assert (first["receipt"]["repeated"], second["receipt"]["repeated"]) == (False, True)


def test_a_made_up_password_is_shown_once_and_works(platform: Platform) -> None:
    platform.cli("acl", "create", "PHONES")
    done = platform.cli("account", "add", "PHONES", "31200000001", "--wait")
    password = re.search(r"password of 31200000001: (\S+)", done.stderr)
    assert password, done.stderr
    assert password[1] not in done.stdout
    platform.cli("domain", "create", "phones")
    platform.cli("domain", "attach", "phones", "PHONES", "--wait")
    placed = ("call", "place", "+31201234567", "--as", "phones/31200000001", "--hold", "50ms")
    platform.cli(*placed, "--password", password[1])
    wrong = platform.cli(*placed, "--password", "wrong-password", check=False)
    assert wrong.returncode == 5
    assert "T204" in wrong.stdout
    changed = platform.cli("account", "password", "PHONES", "31200000001", "--password", "another-password", "--wait")
    assert "another-password" not in changed.stdout + changed.stderr
    platform.cli(*placed, "--password", "another-password")
    assert [row["username"] for row in platform.json("account", "list", "PHONES")] == ["31200000001"]


@pytest.mark.parametrize("algorithms", [["SHA-256"], ["SHA-512-256", "MD5"]])
def test_a_domains_digest_policy_is_followed_by_the_test_caller(platform: Platform, algorithms: list[str]) -> None:
    platform.cli("domain", "digest", "acme", *algorithms, "--wait")
    try:
        placed = platform.json("call", "place", "+31201234567", "--as", "acme/31000000", "--hold", "50ms")
        challenges = [message["message"] for message in placed["messages"] if message["message"].startswith("SIP/2.0 407")]
        assert re.findall(r"algorithm=([A-Z0-9-]+)", challenges[0]) == algorithms
        assert placed["status"] == 200
    finally:
        platform.cli("domain", "digest", "acme", "MD5", "--wait")


def test_the_class_of_service_limits_what_may_be_called(platform: Platform) -> None:
    platform.cli("domain", "class-of-service", "acme", "31", "--wait")
    try:
        refused_call = platform.cli("call", "place", "+442071234567", "--as", "acme/31000000", check=False)
        assert (refused_call.returncode, "T301" in refused_call.stdout) == (5, True)
    finally:
        platform.cli("domain", "class-of-service", "acme", "--all", "--wait")


def test_countries_premium_services_and_the_price_are_of_the_class_of_service_too(platform: Platform) -> None:
    set_to = platform.json("domain", "class-of-service", "acme", "NL", "4420", "--longest-s", "600", "--price", "0.5", "--currency", "eur")
    expected = {
        "allowed_prefixes": ["4420"],
        "max_duration_s": 600,
        "countries": ["NL"],
        "allows_premium": False,
        "max_rate_micros": 500_000,
        "currency": "EUR",
    }
    try:
        assert set_to["result"]["class_of_service"] == expected
        premium = platform.json("domain", "class-of-service", "acme", "--premium", "--longest-s", "0")
        assert premium["result"]["class_of_service"] == {**expected, "allows_premium": True, "max_duration_s": 0}, "the rest stays"
        platform.cli("tenant", "class-of-service", "acme", "--all", "--wait")
        refused_call = platform.cli("call", "place", "+319001234567", "--as", "acme/31000000", check=False)
        assert (refused_call.returncode, "T303" in refused_call.stdout) == (5, True), "the tenant's forbids it"
    finally:
        platform.cli("tenant", "class-of-service", "acme", "--all", "--premium")
        platform.cli("domain", "class-of-service", "acme", "--all", "--no-premium", "--price", "0", "--wait")


def test_an_identity_policy_says_which_numbers_a_domains_callers_may_show(platform: Platform) -> None:
    # The simulated carriers take part in the trust domain or not; what each is shown is the engine's tests' to see.
    set_to = platform.json(
        "domain", "identity", "acme", "--sources", "from", "account", "username", "--allow", "3120*", "--refuse", "--wait"
    )
    assert set_to["result"]["identity"] == {
        "sources": ["from", "account", "username"],
        "allowed_caller_ids": ["+3120*"],
        "default_caller_id": "",
        "is_refusing": True,
        "shows_callee": False,
        "hiding": "default",
    }
    try:
        call = ["call", "place", "+31201234567", "--as", "acme/31000000", "--hold", "100ms", "--from-user"]
        refused_call = platform.cli(*call, "+442071234567", check=False)
        assert (refused_call.returncode, "T502" in refused_call.stdout) == (5, True)
        platform.cli(*call, "+31207777777")
        [record] = wait_for("its record", lambda: [row for row in platform.json("call", "list") if row["caller_id"] == "+31207777777"])
        assert record["presented"] == "+31207777777"
        assert "operator" in refused(platform, 5, "domain", "identity", "acme", "--shows-callee")
        platform.cli("domain", "identity", "acme", "--shows-callee", "--as-operator", "--tenant", "acme")
    finally:
        back = ["--sources", "asked", "account", "address", "username", "--allow", "", "--no-refuse", "--no-shows-callee"]
        platform.cli("domain", "identity", "acme", *back, "--as-operator", "--tenant", "acme", "--wait")


def test_a_carriers_settings_are_changed_one_by_one(platform: Platform) -> None:
    was = {row["name"]: row["settings"] for row in platform.json("carrier", "list")}["beta"]
    national = ["--number-format", "national", "--country-code", "31", "--international-prefix", "00", "--national-prefix", "0"]
    changed = platform.json("carrier", "change", "beta", *national, "--pai", "sip", "--from-form", "asserted", "--hiding", "off")
    now = changed["result"]["settings"]
    assert now == {
        **was,
        "number_format": "national",
        "country_code": "31",
        "international_prefix": "00",
        "national_prefix": "0",
        "pai_forms": "sip",
        "from_form": "asserted",
        "hiding": "off",
    }
    assert "country_code" in refused(platform, 1, "carrier", "change", "beta", "--number-format", "plus")
    back = ["--number-format", "plus", "--country-code", "", "--international-prefix", "", "--national-prefix", ""]
    platform.cli("carrier", "change", "beta", *back, "--pai", "both", "--from-form", "kept", "--hiding", "default", "--wait")
    refused(platform, 3, "carrier", "change", "nobody", "--trusted")


def test_a_ringing_call_is_cancelled(platform: Platform) -> None:
    placed = platform.json("call", "place", "+31201234180", "--as", "acme/31000000", "--cancel-after", "300ms")
    assert (placed["ending"], placed["status"]) == ("cancelled", 487)


def test_the_called_side_hangs_up_and_the_record_says_so(platform: Platform) -> None:
    placed = platform.json("call", "place", "+31201234901", "--as", "acme/31000000", "--hold", "callee")
    assert placed["ending"] == "hung_up_by_callee"

    def record() -> Any:
        done = platform.cli("call", "show", placed["sip_call_id"], "-o", "json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 and json.loads(done.stdout)["end_time"] else None

    assert wait_for("the record", record)["ended_by"] == "callee"


def test_operators_see_carriers_routes_pops_tenants_and_keys(platform: Platform) -> None:
    assert [row["name"] for row in platform.json("carrier", "list")] == ["alpha", "beta"]
    resolved = platform.json("route", "resolve", "+12125550123")
    assert [row["carrier"] for row in resolved["gateways"]] == ["beta", "alpha"]
    assert [row["carrier"] for row in platform.json("route", "resolve", "+33123456789")["gateways"]] == ["alpha", "beta"]
    countries = {row["destination"] for row in platform.json("route", "list", "--limit", "1000")}
    assert len(countries) > 100
    (pop,) = platform.json("pop", "list")
    assert (pop["name"], pop["state"], pop["lag"]) == ("eu1", "READY", 0)
    platform.cli("tenant", "create", "globex")
    created = platform.cli("apikey", "create", "globex")
    key = re.search(r"tk_\S{43}", created.stderr)
    assert key
    assert "globex" in [row["id"] for row in platform.json("tenant", "list")]
    assert platform.json("tenant", "show", "globex")["id"] == "globex"
    assert platform.json("tenant", "show")["id"] == "acme", "whose the key is"
    refused(platform, 3, "tenant", "show", "nobody")
    (listed,) = platform.json("apikey", "list", "globex")
    platform.cli("apikey", "revoke", listed["id"], "--as-operator", "--tenant", "globex")
    platform.cli("carrier", "create", "gamma", "--trusted")
    platform.cli("carrier", "gateway", "add", "gamma", "gamma-1", "192.0.2.50")
    changed = platform.json("carrier", "gateway", "change", "gamma", "gamma-1", "--port", "5070", "--weight", "3", "--takes-no-options")
    [gateway] = changed["result"]["gateways"]
    assert (gateway["host"], gateway["port"], gateway["weight"], gateway["takes_no_options"]) == ("192.0.2.50", 5070, 3, True)
    assert "gamma-2" in refused(platform, 3, "carrier", "gateway", "change", "gamma", "gamma-2", "--port", "5070")
    platform.cli("carrier", "gateway", "remove", "gamma", "gamma-1")
    assert [row["settings"]["is_trusted"] for row in platform.json("carrier", "list") if row["name"] == "gamma"] == [True]
    imported = platform.json("route", "import", "extra", str(_deck(platform.state, "999,gamma,0,1,0.5,Nowhere")))
    assert imported["result"]["rows"] == 1


def test_a_deck_is_imported_with_a_bar_on_a_terminal_and_without_one_elsewhere(platform: Platform) -> None:
    path = _deck(platform.state, "\n".join(f"999{number:04},alpha,0,1,0.5,Nowhere" for number in range(3000)))
    reader, writer = pty.openpty()
    around = {**os.environ, "TRUNKLINE_STATE": str(platform.state), "TERM": "xterm"}
    command = [BIN / "trunkline", "deck", "import", "barred", str(path)]
    process = subprocess.Popen(command, env=around, stdout=subprocess.PIPE, stderr=writer, text=True)
    os.close(writer)
    drawn = b"".join(iter(lambda: _read(reader), b""))
    os.close(reader)
    assert process.stdout is not None and "imported 3000 rows as deck barred" in process.stdout.read()
    assert process.wait(30) == 0
    assert b"/300" in drawn, drawn
    plainly = platform.cli("deck", "import", "barred", str(path))
    assert "3000 rows" in plainly.stdout and plainly.stderr == ""
    [listed] = [row for row in platform.json("deck", "list") if row["name"] == "barred"]
    assert (listed["rows"], listed["filling_rows"]) == (3000, 0)


def _read(reader: int) -> bytes:
    """Empty when the other side is closed, which a terminal tells by an error."""
    try:
        return os.read(reader, 65_536)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


def test_a_key_may_what_its_scopes_say_until_it_ends(platform: Platform) -> None:
    made = platform.cli("key", "create", "--name", "reader", "--scopes", "read", "--expires", "1h")
    found = re.search(r"tk_\S{43}", made.stderr)
    assert found and found[0] not in made.stdout
    [row] = [row for row in platform.json("key", "list") if row["name"] == "reader"]
    assert row["scopes"] == ["read"] and row["expire_time"]
    around = {**os.environ, "TRUNKLINE_STATE": str(platform.state), "TRUNKLINE_API_KEY": found[0], "NO_COLOR": "1"}

    def asked(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([BIN / "trunkline", *words], env=around, capture_output=True, text=True, timeout=60, check=False)

    assert asked("acl", "list").returncode == 0
    refusal = asked("acl", "create", "BYREADER")
    assert refusal.returncode == 5 and "access:write" in refusal.stderr
    platform.cli("key", "revoke", row["id"])
    wait_for("the key's end", lambda: asked("acl", "list").returncode == 5)


def test_a_number_without_a_route_is_told_with_the_text_of_its_reason(platform: Platform) -> None:
    found = platform.json("route", "resolve", "+999123456")
    assert (found["reason"], bool(found["text"]), bool(found["what_to_do"])) == ("T404", True, True)


def test_explain_and_the_event_tail_say_why_and_who(platform: Platform) -> None:
    explained = platform.json("explain", "acme", "--from", "192.0.2.77")
    assert (explained["outcome"], explained["reason"]) == ("refuse", "T203")
    assert explained["steps"]
    admitted = platform.json("explain", "acme", "--from", "127.0.0.1", "--username", "31000000", "--password-right")
    assert (admitted["outcome"], admitted["account"]) == ("admit", "31000000")
    shown = platform.cli("explain", "acme", "--from", "127.0.0.1", "--username", "31000000", "--password-right", "--number", "+31201230100")
    assert "✓ admit" in shown.stdout and "alpha/" in shown.stdout and "<tel:+31000000>" in shown.stdout
    lines = [json.loads(line) for line in platform.cli("events", "tail", "--no-follow", "-o", "json").stdout.splitlines()]
    kinds = [next(iter(event)) for line in lines for event in line["commit"]["events"]]
    assert {"acl_created", "address_added", "account_added", "domain_created", "acl_attached"} <= set(kinds)
    assert [line["position"] for line in lines] == sorted(line["position"] for line in lines)
    assert platform.local["demo"]["password"] not in json.dumps(lines)


def test_a_call_that_happened_is_explained_as_it_was_then_and_as_it_would_be_now(platform: Platform) -> None:
    platform.cli("call", "place", "+31201231100", "--as", "acme/31000000", "--hold", "100ms")
    [record] = wait_for("its record", lambda: platform.json("call", "list", "--number", "+31201231100"))
    then = platform.json("explain", "--call", record["call"])
    assert (then["outcome"], then["position"], then["differences"]) == ("admit", record["position"], [])
    assert [row["place"] for row in then["route"]["gateways"]][:1] == [1]
    platform.cli("domain", "class-of-service", "acme", "DE")
    try:
        now = platform.json("explain", "--call", record["call"], "--now")
        assert (now["outcome"], now["reason"]) == ("refuse", "T301")
        assert [(each["field"], each["recorded"], each["computed"]) for each in now["differences"]] == [("outcome", "admit", "refuse")]
        assert platform.json("explain", "--call", record["call"])["differences"] == []
        wider = platform.json("explain", "--call", record["call"], "--now", "--with", "allow-country NL")
        assert (wider["outcome"], wider["differences"]) == ("admit", [])
    finally:
        platform.cli("domain", "class-of-service", "acme", "--all")
    refused(platform, 2, "explain", "acme", "--from", "127.0.0.1", "--with", "add-address OFFICE")
    refused(platform, 2, "explain", "acme", "--from", "127.0.0.1", "--at", "yesterday")
    assert "not described" in refused(platform, 2, "explain", "--call", "last", "--number", "+31201234567")
    refused(platform, 3, "explain", "--call", "no-such-call")


def test_the_messages_of_a_refused_call_are_shown_masked(platform: Platform) -> None:
    done = platform.cli("call", "place", "+999123100", "--as", "acme/31000000", "-o", "json", check=False)
    placed = json.loads(done.stdout)
    assert (done.returncode, placed["status"]) == (3, 404), done.stdout + done.stderr
    name = placed["sip_call_id"]

    def told() -> list[dict[str, Any]] | None:
        done = platform.cli("call", "messages", name, "-o", "json", check=False)
        rows = json.loads(done.stdout) if done.returncode == 0 else []
        return rows if len(rows) >= 2 else None

    rows = wait_for("its messages", told, every_s=0.2)
    assert [(row["direction"], row["side"], row["text"].split("\r\n")[0].split(" ")[:2]) for row in rows] == [
        ("received", "customer", ["INVITE", f"sip:+999123100@{platform.local['demo']['domain']}.{platform.local['base_domain']}"]),
        ("sent", "customer", ["SIP/2.0", "404"]),
    ]
    assert yaml.safe_load(platform.cli("call", "messages", name, "-o", "yaml").stdout) == rows
    shown = platform.cli("call", "messages", name).stdout
    assert " received 127.0.0.1:" in shown and "response=***" in shown and "\nSIP/2.0 404 " in shown
    assert "response=***" in rows[0]["text"] and not re.search("response=.?[0-9a-f]{32}", shown + json.dumps(rows))
    refused(platform, 3, "call", "messages", "no-such-call")


def test_the_demonstration_happens(platform: Platform) -> None:
    assert "All of it happened." in platform.cli("demo").stdout


def test_a_killed_process_comes_back_and_a_held_one_does_not(platform: Platform) -> None:
    before = platform.refresh()["pids"]["records-eu"]
    platform.lab("kill", "records-eu")
    wait_for("another process", lambda: platform.refresh()["pids"].get("records-eu") not in (None, before))
    assert "records-eu ended (by signal SIGKILL)" in platform.output()
    with platform.held("records-eu"):
        held = platform.json("lab", "status", "records-eu")
        assert (held[0]["state"], held[0]["pid"]) == ("held", None)
        assert "records-eu" not in platform.refresh()["pids"]
        done = platform.cli("call", "list", check=False)
        assert (done.returncode, "a service does not answer" in done.stderr) == (6, True)
    wait_for("records answers", lambda: platform.cli("call", "list", check=False).returncode == 0)
    assert refused(platform, 3, "lab", "kill", "nobody").count("nats-eu")


def test_a_second_start_in_the_same_folder_is_refused(platform: Platform) -> None:
    assert platform.process is not None
    done = platform.cli("up", "--state", str(platform.state), check=False)
    assert (done.returncode, f"pid {platform.process.pid}" in done.stderr) == (1, True)


def test_state_and_secrets_survive_a_restart_and_an_end_leaves_nobody(platform: Platform) -> None:
    before = platform.refresh()
    pids = list(before["pids"].values())
    assert platform.stop() == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    platform.start()
    after = platform.refresh()
    assert {key: after[key] for key in ("demo", "grpc", "nats", "operator")} == {
        key: before[key] for key in ("demo", "grpc", "nats", "operator")
    }
    platform.cli("call", "place", "+31201234567", "--as", "acme/31000000", "--hold", "50ms")


def test_children_die_with_a_killed_platform_and_it_starts_again(platform: Platform) -> None:
    pids = list(platform.refresh()["pids"].values())
    assert platform.process is not None
    os.kill(platform.process.pid, signal.SIGKILL)
    platform.process.wait(timeout=10)
    wait_for("all are gone", lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])
    platform.start()
    platform.cli("call", "place", "+31201234567", "--as", "acme/31000000", "--hold", "50ms")
