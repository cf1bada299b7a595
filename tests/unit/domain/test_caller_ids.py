"""Which number a caller has, by its domain's policy, and in which form a carrier gets it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.domain.test_policy import ACME, CALL, REALM, decided, platform

from trunkline.domain import commands as c
from trunkline.domain.caller_ids import CALLER_ID_SOURCES, DEFAULT_SOURCES, Listed, Refused, chosen, is_default
from trunkline.domain.decide import decide
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal
from trunkline.domain.events import CarrierSettings, IdentityPolicy, IdentityPolicySet
from trunkline.domain.identity import NO_PRIVACY, Identity, hides_topology, hinted, identify, parse_privacy, show
from trunkline.domain.number_formats import formatted
from trunkline.domain.policy import Memory, Rejected, Routed, decide_call
from trunkline.domain.reasons import reason
from trunkline.runtime.deciding import decision_of

LISTED = Listed("+31201111111", "+31202222222", "31203333333", "acme")
FROM = f"sip:31204444444@acme.{REALM}"


def number(policy: IdentityPolicy, hints: tuple[str, ...] = (), from_uri: str = FROM, listed: Listed = LISTED) -> str | Refused:
    found, _ = chosen(policy, listed, hints=hints, from_uri=from_uri, realm=REALM)
    return found if isinstance(found, Refused) else found.caller_id


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (("account", "address"), "+31201111111"),
        (("address", "account"), "+31202222222"),
        (("username", "account"), "+31203333333"),
        (("domain", "account"), "+31205555555"),
        (("from", "account"), "+31204444444"),
        (("asked", "account"), "+31206666666"),
        (("asked", "from"), "+31206666666"),
        ((), "+31206666666"),
    ],
)
def test_the_first_source_of_the_policy_that_gives_a_number_decides(sources: tuple[str, ...], expected: str) -> None:
    policy = IdentityPolicy(sources, ("+3120*",), "+31205555555")
    assert number(policy, ("<tel:+31206666666>",)) == expected


def test_a_source_that_gives_none_is_passed_over_and_without_any_the_caller_has_the_sip_form_alone() -> None:
    nobody = Listed("", "", "alice", "acme")
    policy = IdentityPolicy(("asked", "from", "account", "address", "username", "domain"), (), "+31205555555")
    assert number(policy, (), "sip:anonymous@anonymous.invalid", nobody) == "+31205555555"
    found, notes = chosen(IdentityPolicy(("from",), ("+1*",)), LISTED, hints=(), from_uri="sip:alice@x", realm=REALM)
    assert isinstance(found, Identity) and (found.caller_id, found.uri) == ("", f"sip:31203333333@acme.{REALM}")
    assert found.asserted == (f'"31203333333" <sip:31203333333@acme.{REALM}>',) and notes == ()


@pytest.mark.parametrize(
    ("allowed", "asked", "is_allowed"),
    [
        (("+31206666666",), "+31206666666", True),
        (("+31206666666",), "+312066666660", False),
        (("+3120*",), "+31206666666", True),
        (("+3121*", "+44*"), "+31206666666", False),
        ((), "+31206666666", False),
        ((), "+31201111111", True),
        ((), "+31202222222", True),
        ((), "+31203333333", True),
    ],
)
@pytest.mark.parametrize("source", ["asked", "from"])
def test_a_caller_may_show_its_own_numbers_and_those_that_are_allowed(
    allowed: tuple[str, ...], asked: str, is_allowed: bool, source: str
) -> None:
    hints, from_uri = ((f"<sip:{asked}@evil>",), FROM) if source == "asked" else ((), f"sip:{asked}@evil")
    for is_refusing in (False, True):
        found = number(IdentityPolicy((source, "account"), allowed, "", is_refusing), hints, from_uri)
        assert found == (asked if is_allowed else Refused(asked, source) if is_refusing else "+31201111111")


def test_a_number_that_is_not_allowed_refuses_the_call_or_is_replaced_and_noted() -> None:
    history = platform()
    call = CALL._replace(from_uri="sip:+442071234567@x", hints=("<tel:+442079999999>",))
    history.execute(c.SetIdentityPolicy(ACME, "acme", IdentityPolicy(("from", "username"))))
    routed = decided(call, history)
    assert isinstance(routed, Routed) and routed.identity.caller_id == "+31000000"
    assert routed.notes == ("identity asked for is not the caller's: ignored",)
    for sources, shown in ((("from", "username"), "+442071234567"), (("asked", "username"), "+442079999999")):
        history.execute(c.SetIdentityPolicy(ACME, "acme", IdentityPolicy(sources, is_refusing=True)))
        rejected = decided(call, history)
        assert isinstance(rejected, Rejected) and (rejected.reason, reason("T502").status) == ("T502", 403)
        assert shown in rejected.facts and shown not in reason("T502").text
        assert isinstance(decided(CALL, history), Routed), "a From with the caller's own number"


@pytest.mark.parametrize(
    ("sources", "of_account", "expected"),
    [
        (("address", "account"), "+31201111111", "+31202222222"),
        (("account", "address"), "+31201111111", "+31201111111"),
        (("account", "address"), "", "+31202222222"),
        (("account", "domain"), "", "+31205555555"),
        (("account", "domain"), "+31202222222", "+31202222222"),
    ],
)
def test_account_and_address_each_have_the_number_that_is_listed_for_it(sources: tuple[str, ...], of_account: str, expected: str) -> None:
    history, memory = platform(), Memory()
    history.execute(c.SetIdentityPolicy(ACME, "acme", IdentityPolicy(sources, (), "+31205555555")))
    # Of an edge: it knows no entries of ACLs.
    directory = Directory(is_for_calls=True)
    for fact in history.facts:
        directory.apply(fact)
    both = CALL._replace(account_caller_id="+31202222222", address_caller_id="+31202222222")
    decide_call(both, directory, region="eu", realm=REALM, randomness=0.5, memory=memory)
    call = CALL._replace(account_caller_id=of_account, address_caller_id="+31202222222")
    routed = decide_call(call, directory, region="eu", realm=REALM, randomness=0.5, memory=memory)
    assert isinstance(routed, Routed) and routed.identity.caller_id == expected


def test_a_remembered_route_under_a_policy_is_the_one_that_would_be_decided_anew() -> None:
    history, memory = platform(), Memory()
    calls = [
        CALL,
        CALL._replace(from_uri="sip:+31209999999@x"),
        CALL._replace(from_uri="sip:+31208888888@x"),
        CALL._replace(hints=("<tel:+31209999999>",)),
        CALL._replace(address_caller_id="+31201111111"),
        CALL._replace(account_caller_id="+31201111111"),
        CALL._replace(account_caller_id="+31201111111", address_caller_id="+31201111111"),
    ]
    policies = [
        IdentityPolicy(),
        IdentityPolicy(("from", "username"), ("+3120*",)),
        IdentityPolicy(("asked", "username"), ("+3120*",), is_refusing=True),
        IdentityPolicy(("account", "username")),
        IdentityPolicy(hiding="on"),
        IdentityPolicy(shows_callee=True),
    ]
    for policy in policies:
        history.execute(c.SetIdentityPolicy(ACME, "acme", policy))
        for _ in range(2):
            for call in calls:
                remembered = decide_call(call, history.directory, region="eu", realm=REALM, randomness=0.5, memory=memory)
                assert remembered == decided(call, history), (policy, call)


@given(
    st.lists(st.sampled_from(["<tel:+31000000>", "<sip:+31201111111@x>", "<tel:+19998887777>", "garbage"]), max_size=3),
    st.sampled_from(["", "+31201111111"]),
    st.sampled_from(["31000000", "alice", ""]),
)
def test_the_default_policy_written_out_is_the_default(hints: list[str], caller_id: str, username: str) -> None:
    written, noted = chosen(
        IdentityPolicy(DEFAULT_SOURCES), Listed(caller_id, "", username, "acme"), hints=hints, from_uri=FROM, realm=REALM
    )
    plain = identify(account=username, caller_id=caller_id, label="acme", realm=REALM)
    quick, notes = hinted(plain, hints, account=username, label="acme", realm=REALM)
    assert isinstance(written, Identity) and (written, noted) == (quick, notes)
    assert is_default(IdentityPolicy()) and is_default(IdentityPolicy(DEFAULT_SOURCES))


@given(
    st.lists(st.sampled_from(CALLER_ID_SOURCES), unique=True),
    st.booleans(),
    st.text(max_size=40),
    st.lists(st.text(max_size=40), max_size=5),
)
def test_whatever_is_asked_for_the_caller_is_one_that_it_may_be(
    sources: list[str], is_refusing: bool, from_uri: str, hints: list[str]
) -> None:
    policy = IdentityPolicy(tuple(sources), ("+3120*",), "", is_refusing)
    found = number(policy, (*hints, "<tel:+442071234567>"), from_uri)
    if isinstance(found, str):
        assert found == "" or found.startswith("+3120")


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (IdentityPolicy(("account", "account")), "SOURCES_INVALID"),
        (IdentityPolicy(("sip",)), "SOURCES_INVALID"),
        (IdentityPolicy((), ("31*x",)), "CALLER_ID_INVALID"),
        (IdentityPolicy((), ("*",)), "CALLER_ID_INVALID"),
        (IdentityPolicy((), ("",)), "CALLER_ID_INVALID"),
        (IdentityPolicy((), ("+999123456",)), "CALLER_ID_INVALID"),
        (IdentityPolicy((), tuple(f"+3120{each:05}" for each in range(1001))), "TOO_MANY_CALLER_IDS"),
        (IdentityPolicy((), (), "alice"), "CALLER_ID_INVALID"),
        (IdentityPolicy(hiding="off"), "HIDING_INVALID"),
    ],
)
def test_a_policy_that_says_nothing_sensible_is_refused(policy: IdentityPolicy, code: str) -> None:
    with pytest.raises(Refusal) as raised:
        decide(platform().directory, c.SetIdentityPolicy(ACME, "acme", policy))
    assert raised.value.reason == code


def test_a_policy_is_written_once_and_with_its_numbers_in_one_form() -> None:
    history = platform()
    wanted = c.SetIdentityPolicy(ACME, "acme", IdentityPolicy((), ("3120*", "31209999999", "+3120*")))
    assert decide(history.directory, wanted).events == (IdentityPolicySet(IdentityPolicy((), ("+3120*", "+31209999999"))),)
    history.execute(wanted)
    assert decide(history.directory, wanted).events == ()


NATIONAL: dict[str, Any] = {"number_format": "national", "country_code": "31", "international_prefix": "00", "national_prefix": "0"}
FORMATS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "+31201234567", "+442071234567"),
    ({"number_format": "digits"}, "31201234567", "442071234567"),
    ({"number_format": "prefixed", "international_prefix": "011"}, "01131201234567", "011442071234567"),
    (NATIONAL, "0201234567", "00442071234567"),
    ({**NATIONAL, "national_prefix": ""}, "201234567", "00442071234567"),
]


@pytest.mark.parametrize(("change", "own", "foreign"), FORMATS)
def test_a_carrier_gets_numbers_in_its_format_called_and_calling(change: dict[str, Any], own: str, foreign: str) -> None:
    settings = CarrierSettings(is_trusted=True, **change)
    assert (formatted("+31201234567", settings), formatted("+442071234567", settings)) == (own, foreign)
    history = platform()
    history.execute(c.ChangeCarrier("alpha", settings))
    routed = decided(CALL._replace(account_caller_id="+442071234567"), history)
    assert isinstance(routed, Routed)
    answer = decision_of(routed)
    # The second gateway is another carrier's, which wants them as they are.
    assert getattr(answer, "request_users", None) == (own, "+31201234567")
    phone = ";user=phone" if not change else ""
    assert routed.targets[0].shown.asserted == (f'"31000000" <sip:{foreign}@acme.{REALM}{phone}>', "<tel:+442071234567>")
    assert (routed.identity.caller_id, routed.presented) == ("+442071234567", "+442071234567"), "the record has E.164"


SIP, TEL = f'"31000000" <sip:+31000000@acme.{REALM};user=phone>', "<tel:+31000000>"


@pytest.mark.parametrize(("forms", "asserted"), [("", (SIP, TEL)), ("both", (SIP, TEL)), ("sip", (SIP,)), ("tel", (TEL,))])
def test_a_carrier_gets_the_forms_of_the_identity_that_it_takes(forms: str, asserted: tuple[str, ...]) -> None:
    caller = identify(account="31000000", caller_id="", label="acme", realm=REALM)
    for settings in (CarrierSettings(is_trusted=True, pai_forms=forms), CarrierSettings(sends_pai_without_privacy=True, pai_forms=forms)):
        assert show(caller, NO_PRIVACY, settings).asserted == asserted
    assert show(caller, parse_privacy(["id"], FROM), CarrierSettings(pai_forms=forms)).asserted == ()
    nameless = identify(account="alice", caller_id="", label="acme", realm=REALM)
    assert show(nameless, NO_PRIVACY, CarrierSettings(is_trusted=True, pai_forms=forms)).asserted == nameless.asserted


def test_a_carrier_that_looks_at_from_gets_the_identity_there_unless_it_is_private() -> None:
    caller = identify(account="31000000", caller_id="", label="acme", realm=REALM)
    for is_trusted in (True, False):
        settings = CarrierSettings(is_trusted=is_trusted, from_form="asserted")
        assert show(caller, NO_PRIVACY, settings).from_name_addr == SIP
        assert show(caller, parse_privacy(["none"], FROM), settings).from_name_addr == SIP
        private = show(caller, parse_privacy(["id"], FROM), settings)
        assert "31000000" not in private.from_name_addr and (is_trusted or "anonymous.invalid" in private.from_name_addr)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number_format": "e164"}, "number_format"),
        ({"pai_forms": "h323"}, "pai_forms"),
        ({"from_form": "sip"}, "from_form"),
        ({"hiding": "never"}, "hiding"),
        ({"number_format": "prefixed"}, "international_prefix"),
        ({"number_format": "prefixed", "international_prefix": "0x"}, "international_prefix"),
        ({"number_format": "prefixed", "international_prefix": "000000"}, "international_prefix"),
        ({"international_prefix": "00"}, "international_prefix"),
        ({**NATIONAL, "country_code": "999"}, "country_code"),
        ({**NATIONAL, "country_code": ""}, "country_code"),
        ({**NATIONAL, "national_prefix": "zero"}, "national_prefix"),
        ({"number_format": "digits", "national_prefix": "0"}, "national_prefix"),
    ],
)
def test_settings_of_a_carrier_that_say_nothing_sensible_are_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as raised:
        decide(platform().directory, c.ChangeCarrier("alpha", CarrierSettings(**change)))
    assert raised.value.field == f"settings.{field}"


@pytest.mark.parametrize(
    ("carrier", "domain", "privacy", "is_hidden"),
    [
        (CarrierSettings(is_trusted=True), "", "", False),
        (CarrierSettings(), "", "", True),
        (CarrierSettings(hiding="off"), "", "", False),
        (CarrierSettings(hiding="off"), "on", "", True),
        (CarrierSettings(hiding="off"), "", "header", True),
        (CarrierSettings(is_trusted=True, hiding="on"), "", "", True),
        (CarrierSettings(is_trusted=True, hiding="default"), "default", "user;id", False),
        (CarrierSettings(is_trusted=True), "on", "", True),
        (CarrierSettings(is_trusted=True), "", "HEADER", True),
    ],
)
def test_one_side_is_hidden_from_the_other_as_carrier_domain_and_caller_say(
    carrier: CarrierSettings, domain: str, privacy: str, is_hidden: bool
) -> None:
    asked = parse_privacy([privacy] if privacy else [], FROM)
    assert hides_topology(IdentityPolicy(hiding=domain), carrier, asked) is is_hidden


def test_what_is_hidden_and_who_sees_the_callee_goes_with_the_decision() -> None:
    history = platform()
    history.execute(c.SetIdentityPolicy(ACME, "acme", IdentityPolicy(shows_callee=True)))
    answer = decision_of(decided(CALL, history))
    flags = [(target.is_trusted, target.hides_topology, target.shows_callee) for target in getattr(answer, "targets", ())]
    assert flags == [(True, False, True), (False, True, False)], "a carrier that is not trusted asserts nothing"
