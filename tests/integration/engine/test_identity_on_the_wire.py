"""RFC 3323 and RFC 3325 case by case, through the decision that the platform makes and the engine that it runs, to a carrier inside the
trust domain, to one outside of it, and to one outside that is told of calls which asked for no privacy. `docs/identity.md` lists the cases.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import pytest
from helpers.engine import HOST, REALM, EngineBench, Peer, Sip, by_address
from unit.domain.histories import History
from unit.domain.test_routing import imported

from trunkline.domain import commands as c
from trunkline.domain.events import CarrierSettings, DeckRow, IdentityPolicy, TenantId
from trunkline.edge.policy import Policy

ACME = TenantId("acme")
CALLER = "+31200000000"
"""Of the address that calls are admitted from."""
ASSERTED = [f'"acme" <sip:{CALLER}@{HOST};user=phone>', f"<tel:{CALLER}>"]
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
OWN_FROM = f'"PBX" <sip:31000000@{HOST}>'
TRUSTED, UNTRUSTED, TOLD = "3120", "4420", "3314"
"""Prefixes that lead to each of the carriers."""

SPOOFED = (
    "P-Asserted-Identity: <sip:+19998887777@spoofed.example>",
    "p-asserted-IDENTITY :\r\n <tel:+19998887777>",
    "Remote-Party-ID: <sip:+19998887777@spoofed.example>;party=calling;privacy=off",
    "REMOTE-PARTY-ID:\r\n\t<sip:+19998887777@spoofed.example>",
    "P-Preferred-Identity: <tel:+19998887777>",
    "Identity: c2ln;info=<https://spoofed.example/cert>;alg=ES256",
    "y: c2ln",
    "n: <https://spoofed.example>",
    "Diversion: <tel:+19998887777>;reason=unconditional",
    "History-Info: <sip:+19998887777@spoofed.example>;index=1",
    "Referred-By: <sip:+19998887777@spoofed.example>",
    "B : <sip:+19998887777@spoofed.example>",
    "P-Charging-Vector: icid-value=spoofed",
    "P-Access-Network-Info: spoofed",
    "P-Served-User: <sip:+19998887777@spoofed.example>",
)

_BRANCHES = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Platform:
    bench: EngineBench
    history: History
    carriers: dict[str, Peer]
    """By prefix."""

    def peer(self) -> Peer:
        return self.bench.peer()

    def change(self, command: c.Command) -> None:
        """As the log does it: the engine is told."""
        self.history.execute(command)
        self.bench.engine.apply([], self.history.position)


@pytest.fixture
def platform(bench: EngineBench) -> Platform:
    history = History()
    history.execute(c.CreateTenant(ACME))
    history.execute(c.CreateDomain(ACME, "acme"))
    settings = {
        TRUSTED: CarrierSettings(is_trusted=True),
        UNTRUSTED: CarrierSettings(),
        TOLD: CarrierSettings(sends_pai_without_privacy=True),
    }
    carriers = {}
    for prefix, each in settings.items():
        gateway = carriers[prefix] = bench.gateway()
        host, port = gateway.address
        history.execute(c.CreateCarrier(f"c{prefix}", each))
        history.execute(c.AddGateway(f"c{prefix}", "g", host, "eu", port))
    imported(history, "standard", *(DeckRow(prefix, f"c{prefix}") for prefix in settings))
    policy = Policy(lambda: history.directory, region="eu", realm=REALM, randomness=lambda: 0.5)
    bench.apply(*by_address())
    bench.decide = policy.on_invite
    return Platform(bench, history, carriers)


def number_of(prefix: str) -> str:
    return f"{prefix}1234567"


def invite(peer: Peer, prefix: str, *lines: str, caller: str = OWN_FROM) -> str:
    return peer.request(number=number_of(prefix), extra=lines).replace(OWN_FROM, caller)


def placed(platform: Platform, prefix: str, *lines: str, caller: str = OWN_FROM) -> tuple[Peer, Peer, Sip]:
    """The caller, the carrier, and the INVITE as it came there."""
    peer, carrier = platform.peer(), platform.carriers[prefix]
    peer.send(invite(peer, prefix, *lines, caller=caller))
    return peer, carrier, carrier.receive()


def in_dialog(sender: Peer, method: str, cseq: int, made_by: Sip, target: Sip, *lines: str, is_caller: bool = True) -> str:
    """A request between the addresses of `made_by`, to the Contact and by the routes that `target` has shown the sender."""
    uri = target.one("Contact").partition("<")[2].partition(">")[0]
    routes = target.all("Record-Route")
    ends = (made_by.one("From"), made_by.one("To")) if is_caller else (made_by.one("To"), made_by.one("From"))
    head = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {sender.host_port};branch=z9hG4bK-{next(_BRANCHES)};rport",
        "Max-Forwards: 70",
        *(f"Route: {route}" for route in (reversed(routes) if is_caller else routes)),
        f"From: {ends[0]}",
        f"To: {ends[1]}",
        f"Call-ID: {made_by.one('Call-ID')}",
        f"CSeq: {cseq} {method}",
        f"Contact: {sender.contact('me')}",
        *lines,
        "Content-Length: 0",
    ]
    return "\r\n".join([*head, "", ""])


def shown(message: Sip) -> tuple[list[str], list[str], str]:
    """P-Asserted-Identity, Privacy, From without its tag."""
    return message.all("P-Asserted-Identity"), message.all("Privacy"), message.one("From").partition(";tag=")[0]


NOTHING = ([], [], ANONYMOUS)
CASES = [
    # Privacy as sent, and From; then what each of the three carriers is shown.
    ("", OWN_FROM, (ASSERTED, [], OWN_FROM), ([], [], OWN_FROM), (ASSERTED, [], OWN_FROM)),
    ("id", ANONYMOUS, (ASSERTED, ["id"], ANONYMOUS), NOTHING, NOTHING),
    ("id", OWN_FROM, (ASSERTED, ["id"], OWN_FROM), NOTHING, NOTHING),
    ("ID", OWN_FROM, (ASSERTED, ["id"], OWN_FROM), NOTHING, NOTHING),
    ("", ANONYMOUS, (ASSERTED, ["id"], ANONYMOUS), NOTHING, NOTHING),
    ("user", OWN_FROM, (ASSERTED, ["user"], OWN_FROM), NOTHING, NOTHING),
    ("header", OWN_FROM, (ASSERTED, ["header"], OWN_FROM), NOTHING, NOTHING),
    ("header;user;id;critical", OWN_FROM, (ASSERTED, ["header;user;id;critical"], OWN_FROM), NOTHING, NOTHING),
    ("none", OWN_FROM, (ASSERTED, ["none"], OWN_FROM), (ASSERTED, ["none"], OWN_FROM), (ASSERTED, ["none"], OWN_FROM)),
    ("none;critical", OWN_FROM, (ASSERTED, ["none;critical"], OWN_FROM), (ASSERTED, ["none;critical"], OWN_FROM), None),
    ("none;id", OWN_FROM, (ASSERTED, ["id"], OWN_FROM), NOTHING, NOTHING),
    ("session", OWN_FROM, (ASSERTED, ["session"], OWN_FROM), ([], ["session"], OWN_FROM), ([], ["session"], OWN_FROM)),
    ("session;id", OWN_FROM, (ASSERTED, ["session;id"], OWN_FROM), ([], ["session"], ANONYMOUS), ([], ["session"], ANONYMOUS)),
]


@pytest.mark.parametrize(("asked", "caller", "trusted", "untrusted", "told"), CASES, ids=[f"{case[0]} {case[1][:6]}" for case in CASES])
def test_each_carrier_is_shown_what_it_may_see_in_every_request_of_the_call(
    platform: Platform,
    asked: str,
    caller: str,
    trusted: tuple[list[str], list[str], str],
    untrusted: tuple[list[str], list[str], str],
    told: tuple[list[str], list[str], str] | None,
) -> None:
    privacy = [f"Privacy: {asked}"] if asked else []
    for prefix, expected in ((TRUSTED, trusted), (UNTRUSTED, untrusted), (TOLD, told)):
        if expected is None:
            continue
        peer, carrier, out = placed(platform, prefix, *privacy, *SPOOFED, caller=caller)
        assert shown(out) == expected
        carrier.answer(out, "200 OK")
        ok = peer.final()
        assert (ok.one("From").partition(";tag=")[0], ok.all("P-Asserted-Identity")) == (caller, [])
        for cseq, method in enumerate(("ACK", "INFO", "BYE"), start=1):
            peer.send(in_dialog(peer, method, cseq, ok, ok, *privacy, *SPOOFED))
            request = carrier.receive()
            assert request.start_line.startswith(method) and shown(request) == expected
            assert "9998887777" not in str(request) and "spoofed" not in str(request)
            if method != "ACK":
                carrier.answer(request, "200 OK")
                peer.final()


def test_session_privacy_that_is_critical_refuses_the_call_and_names_it_and_alone_is_noted(platform: Platform) -> None:
    peer = platform.peer()
    for asked in ("session;critical", "Critical ; SESSION"):
        peer.send(invite(peer, TRUSTED, f"Privacy: {asked}").replace("call-1", asked[:3]))
        final = peer.final()
        assert final.start_line == "SIP/2.0 500 Privacy Session Not Available T501"
        assert 'text="T501 Privacy Session Not Available"' in final.one("Reason")
        peer.send(in_dialog(peer, "ACK", 1, final, Sip(final.start_line, (("Contact", f"<sip:x@{HOST}>"),), "", final.source)))
    placed(platform, TRUSTED, "Privacy: session")
    attempted = [fact["attempted"] for fact in platform.bench.facts(6) if "attempted" in fact]
    assert [fact["notes"] for fact in attempted][-1][:1] == ["Privacy: session cannot be given: media is not relayed"]


def test_privacy_that_nobody_knows_refuses_the_call_where_it_is_critical_and_is_handed_on_where_it_is_not(platform: Platform) -> None:
    peer = platform.peer()
    peer.send(invite(peer, TRUSTED, "Privacy: Foo;critical"))
    final = peer.final()
    assert final.start_line == "SIP/2.0 500 Privacy Not Available T503" and "foo" not in str(final).lower()
    peer.send(in_dialog(peer, "ACK", 1, final, Sip(final.start_line, (("Contact", f"<sip:x@{HOST}>"),), "", final.source)))
    _, _, out = placed(platform, TRUSTED, "Privacy: Foo")
    assert out.all("Privacy") == ["foo"]
    _, _, out = placed(platform, TRUSTED, "Privacy: history;critical")
    assert out.all("Privacy") == ["history;critical"]


def test_rfc_3325_10_1_the_identity_goes_to_a_trusted_gateway_and_the_preferred_one_is_a_hint(platform: Platform) -> None:
    """`P-Preferred-Identity` of a number that the domain allows is what is asserted; From stays anonymous, Privacy: id stays."""
    policy = IdentityPolicy(("asked", "address"), ("+1408*",))
    platform.change(c.SetIdentityPolicy(ACME, "acme", policy))
    lines = ('P-Preferred-Identity: "Cullen Jennings" <tel:+14085264000>', "Privacy: id")
    _, _, out = placed(platform, TRUSTED, *lines, caller=ANONYMOUS)
    asserted = [f'"acme" <sip:+14085264000@{HOST};user=phone>', "<tel:+14085264000>"]
    assert shown(out) == (asserted, ["id"], ANONYMOUS) and out.all("P-Preferred-Identity") == []
    # §10.2: the same call leaves the trust domain.
    _, _, out = placed(platform, UNTRUSTED, *lines, caller=ANONYMOUS)
    assert shown(out) == NOTHING and "Cullen" not in str(out) and "4085264000" not in str(out)
    # One that is not allowed is nothing but a note in the record.
    _, _, out = placed(platform, TRUSTED, "P-Preferred-Identity: <tel:+19998887777>", "Privacy: id", caller=ANONYMOUS)
    assert shown(out) == (ASSERTED, ["id"], ANONYMOUS)


def test_a_number_that_is_not_allowed_refuses_the_call_where_the_domain_says_so(platform: Platform) -> None:
    platform.change(c.SetIdentityPolicy(ACME, "acme", IdentityPolicy(("from", "address"), ("+31*",), is_refusing=True)))
    peer = platform.peer()
    peer.send(invite(peer, TRUSTED, caller="<sip:+19998887777@x>"))
    assert peer.final().start_line == "SIP/2.0 403 Caller ID Not Allowed T502"
    _, _, out = placed(platform, TRUSTED, caller="<sip:+31207777777@x>")
    assert out.all("P-Asserted-Identity")[1] == "<tel:+31207777777>"


CALLED = "P-Asserted-Identity: <sip:+31205551234@carrier.example;user=phone>"


@pytest.mark.parametrize(
    ("prefix", "may_see", "lines", "seen"),
    [
        (TRUSTED, True, (CALLED, "P-Asserted-Identity: <tel:+31205551234>"), True),
        (TRUSTED, True, (CALLED, "Privacy: none"), True),
        (TRUSTED, False, (CALLED,), False),
        (TRUSTED, True, (CALLED, "Privacy: id"), False),
        (TRUSTED, True, (CALLED, "Privacy: USER"), False),
        (TRUSTED, True, (CALLED, "P-Asserted-Identity: <https://carrier.example>"), False),
        (TRUSTED, True, (CALLED, CALLED), False),
        (UNTRUSTED, True, (CALLED,), False),
    ],
)
def test_the_called_partys_identity_comes_from_trusted_carriers_and_to_customers_who_may_see_it(
    platform: Platform, prefix: str, may_see: bool, lines: tuple[str, ...], seen: bool
) -> None:
    platform.change(c.SetIdentityPolicy(ACME, "acme", IdentityPolicy(shows_callee=may_see)))
    peer, carrier, out = placed(platform, prefix)
    hostile = (*lines, "Remote-Party-ID: <tel:+31205551234>", "P-Charging-Vector: icid-value=carrier", "History-Info: <tel:+31205551234>")
    expected = [line.partition(": ")[2] for line in lines if line.startswith("P-Asserted")] if seen else []
    for status in ("183 Session Progress", "200 OK"):
        carrier.answer(out, status, *hostile)
    messages = [message for message in (peer.receive(), peer.receive(), peer.receive()) if message.status != 100]
    peer.send(in_dialog(peer, "ACK", 1, messages[-1], messages[-1]))
    carrier.receive()
    carrier.socket.sendto(in_dialog(carrier, "INFO", 1, messages[-1], out, *hostile, is_caller=False).encode(), out.source)
    messages.append(peer.receive())
    for message in messages:
        assert message.all("P-Asserted-Identity") == expected
        assert not any(message.all(name) for name in ("Remote-Party-ID", "P-Charging-Vector", "History-Info"))


def test_the_answering_customer_is_named_in_its_responses_and_what_it_says_of_itself_is_not(platform: Platform) -> None:
    for prefix, expected in ((TRUSTED, ASSERTED), (UNTRUSTED, [])):
        peer, carrier, out = placed(platform, prefix)
        carrier.answer(out, "200 OK")
        ok = peer.final()
        peer.send(in_dialog(peer, "ACK", 1, ok, ok))
        carrier.receive()
        carrier.socket.sendto(in_dialog(carrier, "INFO", 1, ok, out, is_caller=False).encode(), out.source)
        peer.answer(peer.receive(), "200 OK", *SPOOFED)
        answer = carrier.receive()
        assert answer.all("P-Asserted-Identity") == expected and "9998887777" not in str(answer)


def test_cancel_carries_no_identity_and_the_ack_none_where_the_carrier_wants_none(platform: Platform) -> None:
    peer, carrier, out = placed(platform, TRUSTED)
    carrier.answer(out, "180 Ringing")
    while peer.receive().status != 180:
        pass
    peer.send(peer.request("CANCEL", number=number_of(TRUSTED)))
    cancel = carrier.receive()
    assert cancel.start_line.startswith("CANCEL ") and cancel.all("P-Asserted-Identity") == []
    carrier.answer(cancel, "200 OK")
    carrier.answer(out, "487 Request Terminated")
    ack = carrier.receive()
    assert ack.start_line.startswith("ACK ") and ack.all("P-Asserted-Identity") == []
    platform.change(c.ChangeCarrier(f"c{TRUSTED}", CarrierSettings(is_trusted=True, has_pai_on_ack=False)))
    peer = platform.peer()
    peer.send(invite(peer, TRUSTED).replace("call-1", "call-2"))
    out = carrier.receive()
    carrier.answer(out, "200 OK")
    ok = peer.final()
    for method, expected in (("ACK", []), ("BYE", ASSERTED)):
        peer.send(in_dialog(peer, method, 2, ok, ok).replace("CSeq: 2 ACK", "CSeq: 1 ACK"))
        assert carrier.receive().all("P-Asserted-Identity") == expected


def test_a_carrier_gets_its_number_format_forms_and_from(platform: Platform) -> None:
    national = CarrierSettings(
        True,
        number_format="national",
        country_code="31",
        international_prefix="00",
        national_prefix="0",
        pai_forms="sip",
        from_form="asserted",
    )
    platform.change(c.ChangeCarrier(f"c{TRUSTED}", national))
    _, carrier, out = placed(platform, TRUSTED)
    assert out.start_line == f"INVITE sip:0{number_of(TRUSTED)[2:]}@{carrier.host_port} SIP/2.0"
    own = f'"acme" <sip:0200000000@{HOST}>'
    assert shown(out) == ([own], [], own)


def test_one_side_is_hidden_from_the_other_by_default_at_untrusted_carriers_and_for_header_privacy(platform: Platform) -> None:
    upstream = ("Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK-pbx", "Record-Route: <sip:192.0.2.78;lr>")
    for prefix, lines, is_hidden in ((UNTRUSTED, (), True), (TRUSTED, ("Privacy: header",), True), (TRUSTED, (), False)):
        peer, carrier, out = placed(platform, prefix, *upstream, *lines)
        seen = [trace for trace in ("192.0.2.77", "192.0.2.78", peer.host_port) if trace in str(out.headers)]
        assert seen == ([] if is_hidden else ["192.0.2.77", "192.0.2.78", peer.host_port])
        carrier.answer(out, "200 OK")
        ok = peer.final()
        assert (carrier.host_port in str(ok.headers), len(ok.all("Via"))) == (not is_hidden, 2)
        # What the customer's own proxy takes off on the way.
        target = replace(ok, headers=tuple(header for header in ok.headers if "192.0.2.78" not in header[1]))
        peer.send(in_dialog(peer, "ACK", 1, ok, target))
        ack = carrier.receive()
        assert ack.start_line == f"ACK sip:gateway@{carrier.host_port} SIP/2.0"
        bye = in_dialog(carrier, "BYE", 1, ok, out, is_caller=False)
        carrier.socket.sendto(bye.encode(), out.source)
        request = peer.receive()
        assert request.start_line == f"BYE sip:pbx@{peer.host_port} SIP/2.0" and request.all("Route") == ["<sip:192.0.2.78;lr>"]
        peer.answer(request, "200 OK")
        assert carrier.receive().start_line == "SIP/2.0 200 OK"


@pytest.mark.parametrize(
    ("caller", "agent", "is_taken"),
    [
        ('"A \\"B\\" \\\\" <sip:31000000@x>', 'Phone/1.0 (\\"x\\")', True),
        ('"Ünï çödé ☎" <sip:31000000@x>', "Fön ☎", True),
        ('"A\\\\" <sip:a@b>, \\"X: y" <sip:31000000@x>', "a;b,c<d>e", False),
        ('"no end <sip:31000000@x>', "phone", False),
        ('"A\r\n B" <sip:31000000@x>', "folded\r\n here", True),
        ('"A\r\nX-Injected: 1" <sip:31000000@x>', "phone", False),
        ('"A" <sip:31000000@x>', "phone\rX-Injected: 1", False),
        ('"A" <sip:31000000@x>', "phone\nX-Injected: 1", False),
        ('"A\0B" <sip:31000000@x>', "phone", False),
        ('"A" <sip:31000000@x>', "pho\0ne", False),
    ],
)
def test_no_display_name_and_no_user_agent_writes_a_header_of_its_own(platform: Platform, caller: str, agent: str, is_taken: bool) -> None:
    peer, carrier = platform.peer(), platform.carriers[TRUSTED]
    peer.send(invite(peer, TRUSTED, f"User-Agent: {agent}", caller=caller))
    if not is_taken:
        assert carrier.hears_nothing()
        return
    out = carrier.receive()
    assert out.all("X-Injected") == [] and shown(out)[0] == ASSERTED
    assert len(out.all("From")) == 1 and len(out.all("User-Agent")) == 1
