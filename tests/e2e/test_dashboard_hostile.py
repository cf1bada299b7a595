"""Hostile text in every field that a stranger or a customer can write: text on every page, no formula in an exported file."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers.dashboard import Operator, Visitor
from helpers.platform import Platform, wait_for
from playwright.sync_api import expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb

pytestmark = pytest.mark.timeout(300)

MARKUP = "\"><img src=x onerror=alert(7)>'"
FORMULAS = ("=cmd|' /C calc'!A0", "@SUM(1+9)*cmd", "-2+3+cmd", "+1+cmd", "|calc", "%0A=cmd", '=HYPERLINK("http://evil.example")')
RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What a spreadsheet takes for the beginning of a formula, or of something to run."""
TENANT = "hostiletext"


URI_USERS = ("=cmd()", "%22%3E%3Cimg%20src=x%20onerror=alert(14)%3E", "@SUM(1+9)*cmd".replace("@", "%40"))
"""What is dialled: whatever the user part of a Request-URI may hold, and what is escaped in it."""
QUOTED = '\\"><img src=x onerror=alert(15)>=cmd()'
"""Inside of a quoted string."""
SPOKEN = '"><img src=x onerror=alert(16)>=cmd()'
"""The reason phrase of the carrier."""
ROUTED = "+312019990"
"""The beginning of numbers that go to a carrier of this test's own."""
ADMITTED = "127.0.0.10"


def invite(
    label: str, place: int, *, user_agent: str, from_user: str, display: str, credentials: str = "", to_user: str = "+31201234190"
) -> bytes:
    host = f"{label}.sip.trunkline.test"
    lines = [
        f"INVITE sip:{to_user}@{host} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.9:5999;branch=z9hG4bKhostile{place}{len(credentials)};rport",
        f'From: "{display}" <sip:{from_user}@evil.example>;tag=1',
        f'To: "<img src=x onerror=alert(8)>" <sip:+31201234190@{host}>',
        f"Call-ID: =cmd-{place}-{len(credentials)}@<img/src=x/onerror=alert(9)>",
        f"CSeq: {1 + bool(credentials)} INVITE",
        f'Contact: "{QUOTED}" <sip:=cmd()@127.0.0.9:5999>',
        f'P-Asserted-Identity: "{QUOTED}" <sip:=cmd()@evil.example>',
        f"Subject: {MARKUP}",
        f"X-{'Evil' * 3}: <script>alert(10)</script>",
        "Max-Forwards: 70",
        f"User-Agent: {user_agent}",
        *([f"Proxy-Authorization: {credentials}"] if credentials else []),
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class SpeakingCarrier:
    """Refuses every INVITE with a hostile reason phrase, Contact and P-Asserted-Identity, until it is closed."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            data, caller = self._socket.recvfrom(65535)
            if not data:
                return
            if not data.startswith(b"INVITE "):
                continue
            head = data.decode(errors="replace").partition("\r\n\r\n")[0].split("\r\n")[1:]
            copied = [line for line in head if line.lower().startswith(("via:", "from:", "to:", "call-id:", "cseq:"))]
            lines = [
                f"SIP/2.0 486 {SPOKEN}",
                *(f"{line};tag=busy" if line.lower().startswith("to:") else line for line in copied),
                f'Contact: "{QUOTED}" <sip:=cmd()@{self.host}:{self.port}>',
                f'P-Asserted-Identity: "{QUOTED}" <sip:=cmd()@evil.example>',
                f"Server: {MARKUP}",
                "Content-Length: 0",
            ]
            self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), caller)

    def close(self) -> None:
        """An empty datagram of its own ends it."""
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(10)
        self._socket.close()


def send(platform: Platform, datagram: bytes, source: str = "127.0.0.9") -> str:
    """The final response."""
    address, _, port = platform.edge("eu1").rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind((source, 0))
        caller.settimeout(10)
        caller.sendto(datagram, (address, int(port)))
        while True:
            answer = caller.recv(8192).decode(errors="replace")
            if not answer.startswith("SIP/2.0 1"):
                return answer


def sign(challenge: str, username: str) -> str:
    """Credentials that answer this challenge, of nobody and wrong."""
    nonce = re.search(r'nonce="([^"]+)"', challenge)
    realm = re.search(r'realm="([^"]+)"', challenge)
    assert nonce and realm, challenge
    quoted = username.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'Digest username="{quoted}", realm="{realm[1]}", nonce="{nonce[1]}", uri="sip:+31201234190@x", response="{"0" * 32}",'
        ' algorithm=MD5, qop=auth, nc=00000001, cnonce="abc"'
    )


@pytest.fixture(scope="module")
def carrier(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeakingCarrier]:
    """Gets the calls to `ROUTED`, and nobody else's."""
    made = SpeakingCarrier(f"{platform.loopback}.9.77")
    platform.cli("carrier", "create", "hostilecarrier")
    platform.cli("carrier", "gateway", "add", "hostilecarrier", "one", made.host, "--port", str(made.port), "--takes-no-options")
    deck = tmp_path_factory.mktemp("deck") / "deck.csv"
    deck.write_text(f"prefix,carrier,priority,weight,rate,destination\n{ROUTED[1:]},hostilecarrier,0,1,0.5,Hostile\n")
    platform.cli("deck", "import", "hostiledeck", str(deck), "--currency", "EUR", "--wait")
    yield made
    made.close()
    platform.cli("carrier", "suspend", "hostilecarrier")


@pytest.fixture(scope="module")
def key(platform: Platform, carrier: SpeakingCarrier) -> str:
    """A tenant with three domains, which admit by address, by account and by another address, and calls to all with hostile text wherever
    it fits; those to the third one reach a carrier that answers so too."""
    operator = Operator(platform)
    found = operator.new_tenant(TENANT, MARKUP)
    position = 0
    for acl, label in (("byaddress", "hostileaddr"), ("byaccount", "hostileacct"), ("routed", "hostilerouted")):
        operator.ask("CreateAcl", pb.CreateAclRequest(tenant=TENANT, acl=acl))
        operator.ask("CreateDomain", pb.CreateDomainRequest(tenant=TENANT, label=label))
        position = operator.ask("AttachAcl", pb.AttachAclRequest(tenant=TENANT, label=label, acl=acl)).receipt.position
    operator.ask("AddAddress", pb.AddAddressRequest(tenant=TENANT, acl="byaddress", address="192.0.2.9", description=FORMULAS[0]))
    operator.ask("AddAddress", pb.AddAddressRequest(tenant=TENANT, acl="routed", address=ADMITTED))
    account = pb.AddAccountRequest(tenant=TENANT, acl="byaccount", username="31000190", password="long enough to be taken")
    position = operator.ask("AddAccount", account).receipt.position
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=position)))
    for place, formula in enumerate(FORMULAS):
        user = "".join(f"%{ord(each):02X}" for each in formula)
        text = {"user_agent": formula, "from_user": user, "display": formula.replace('"', "'")}
        assert "403" in send(platform, invite("hostileaddr", place, **text)).partition("\r\n")[0]
    for place, username in enumerate((MARKUP, FORMULAS[0], FORMULAS[1])):
        text = {"user_agent": MARKUP, "from_user": "%22%3E%3Cimg%20src=x%3E", "display": "<img src=x onerror=alert(11)>"}
        challenge = send(platform, invite("hostileacct", place, **text))
        assert "407" in challenge.partition("\r\n")[0], challenge
        signed = invite("hostileacct", place, **text, credentials=sign(challenge, username))
        assert "403" in send(platform, signed).partition("\r\n")[0]
    text = {"user_agent": MARKUP, "from_user": "=cmd()", "display": QUOTED}
    for place, user in enumerate(URI_USERS):
        assert "403" in send(platform, invite("hostileaddr", 50 + place, **text, to_user=user)).partition("\r\n")[0]
    answer = send(platform, invite("hostilerouted", 60, **text, to_user=f"{ROUTED}1"), ADMITTED)
    assert answer.startswith(f"SIP/2.0 486 {SPOKEN}\r\n"), answer
    # The label of nobody, and what is no label: neither has an owner whose pages it could reach.
    for label in ("nosuch<img>", "x\"'onerror=alert(12)"):
        send(platform, invite(label, 90 + len(label), user_agent=MARKUP, from_user="x", display="x"))
    wait_for("the records", lambda: len(records(platform)) >= CALLS, every_s=0.5)
    return found


CALLS = len(FORMULAS) + 3 + len(URI_USERS) + 1


def records(platform: Platform) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.json("call", "list", "--as-operator", "--tenant", TENANT, "--limit", "100")
    return found


def test_no_cell_of_an_exported_file_is_run_by_a_spreadsheet(platform: Platform, visitor: Callable[..., Visitor], key: str) -> None:
    window = visitor()
    window.enter(platform, key)
    text = window.context.request.get(f"{window.base}/calls/export.csv").text()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(records(platform)) == CALLS
    for row in rows:
        for column, cell in row.items():
            assert not cell.lstrip(" ").startswith(RUN) or re.fullmatch(r"\+[0-9]{1,20}", cell), f"{column}: {cell!r} would be run"
    # All of them are there, each behind an apostrophe: the check above had something to find.
    agents = {row["user_agent"] for row in rows}
    assert {f"'{formula}" for formula in FORMULAS} <= agents and MARKUP in agents
    assert any(row["sip_call_id"].startswith("'=cmd-") for row in rows)
    dialled = {row["number"] for row in rows}
    assert {"'=cmd()", "'@SUM(1+9)*cmd", DIALLED} <= dialled, dialled
    lines = [json.loads(line) for line in window.context.request.get(f"{window.base}/calls/export.jsonl").text().splitlines()]
    assert set(FORMULAS) <= {line["user_agent"] for line in lines}, "JSON has it as it was"
    assert {"=cmd()", "@SUM(1+9)*cmd", DIALLED} <= {line["number"] for line in lines}


DIALLED = '"><img src=x onerror=alert(14)>'


def test_hostile_text_in_every_field_of_a_call_is_text(platform: Platform, visitor: Callable[..., Visitor], key: str) -> None:
    window = visitor()
    page = window.page
    window.enter(platform, key)
    found = records(platform)
    signed = next(row for row in found if row["username"] == MARKUP)
    assert signed["reason"] == "T204"
    formula = next(row for row in found if row["user_agent"] == FORMULAS[0])
    for row, shown in ((signed, (MARKUP,)), (formula, (FORMULAS[0],))):
        window.go(f"/calls/{row['call']}")
        for text in shown:
            expect(page.get_by_role("region", name="Who and what")).to_contain_text(text)
        messages = page.get_by_role("region", name="SIP messages")
        expect(messages).to_contain_text("X-EvilEvilEvil: <script>alert(10)</script>")
        expect(messages).to_contain_text(f"Subject: {MARKUP}")
        assert page.locator("img[src=x], script:not([src])").count() == 0
    # What was dialled, and what the carrier said: in the head of the page, the ladder, and the messages.
    dialled = next(row for row in found if row["number"] == DIALLED)
    window.go(f"/calls/{dialled['call']}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(DIALLED)
    assert page.locator("img[src=x], script:not([src])").count() == 0
    spoken = next(row for row in found if row["domain"] == "hostilerouted")
    assert (spoken["outcome"], spoken["status"]) == ("failed", 486)
    window.go(f"/calls/{spoken['call']}")
    expect(page.locator("svg.ladder")).to_contain_text(f"486 {SPOKEN}"[:30])
    messages = page.get_by_role("region", name="SIP messages")
    for text in (
        f"SIP/2.0 486 {SPOKEN}",
        f'Contact: "{QUOTED}" <sip:=cmd()@127.0.0.9:5999>',
        f'P-Asserted-Identity: "{QUOTED}" <sip:=cmd()@',
    ):
        expect(messages).to_contain_text(text)
    assert page.locator("img[src=x], script:not([src])").count() == 0
    for path in ("/", "/calls", "/calls/live", "/usage", "/audit", "/access/byaddress", "/domains/hostileaddr", "/domains/hostileacct"):
        window.go(path)
        assert page.locator("img[src=x], script:not([src])").count() == 0, path
    # Filters and descriptions come back in fields, and what is refused is said with them.
    call = "/explain?domain=hostileaddr&source=192.0.2.1"
    fields = [f"/calls?{name}=" for name in ("account", "from", "outcome", "number")] + [f"{call}&at=", f"{call}&pop=", f"{call}&number="]
    for path in (*fields, "/explain?source=192.0.2.1&domain=", "/explain?domain=hostileaddr&source="):
        answer = page.goto(f"{window.base}{path}%22%3E%3Cimg%20src=x%20onerror=alert(13)%3E")
        assert answer is not None and answer.status in (200, 404, 422), f"{path}: {answer and answer.status}"
        assert page.locator("img[src=x], script:not([src])").count() == 0, path
    assert window.wrong == []


def test_a_status_that_is_no_number_is_told_at_its_field(platform: Platform, visitor: Callable[..., Visitor], key: str) -> None:
    window = visitor()
    window.enter(platform, key)
    window.go("/domains/hostileaddr/digest")
    csrf = window.page.locator("main input[name=csrf]").get_attribute("value") or ""
    for status in ("²", "four"):
        form = {"csrf": csrf, "algorithms": "MD5", "status": status}
        answer = window.context.request.post(f"{window.base}/domains/hostileaddr/digest", form=form)
        assert answer.status == 422 and re.search(r'name="status"[^>]*aria-invalid="true"', answer.text()), answer.text()


@pytest.mark.parametrize(
    ("path", "field"),
    [("/access/new", "Name"), ("/domains/new", "Name"), ("/access/byaccount/accounts/new", "Username"),
     ("/access/byaddress/addresses/new", "IP address or range")],
)  # fmt: skip
def test_hostile_names_are_refused_and_told_as_text(
    platform: Platform, visitor: Callable[..., Visitor], key: str, path: str, field: str
) -> None:
    window = visitor()
    window.enter(platform, key)
    window.go(path)
    window.page.get_by_label(field).fill(MARKUP)
    window.page.locator("main form button.main").click()
    expect(window.page.get_by_role("alert")).to_be_visible()
    expect(window.page.get_by_label(field)).to_have_value(MARKUP)
    assert window.page.locator("img[src=x], script:not([src])").count() == 0 and window.wrong == []
