import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.events import CarrierSettings
from trunkline.domain.identity import ANONYMOUS, NO_PRIVACY, Privacy, Shown, hinted, identify, parse_privacy, presented, show

REALM = "sip.example.com"
FROM = "sip:31000000@acme.sip.example.com"
TRUSTED = CarrierSettings(is_trusted=True)
UNTRUSTED = CarrierSettings()
SENDING = CarrierSettings(sends_pai_without_privacy=True)
ASSERTED = ('"31000000" <sip:+31000000@acme.sip.example.com;user=phone>', "<tel:+31000000>")
CALLER = identify(account="31000000", caller_id="", label="acme", realm=REALM)


@pytest.mark.parametrize(
    ("account", "caller_id", "number", "asserted"),
    [
        ("31000000", "", "+31000000", ASSERTED),
        (
            "31000000",
            "+442071234567",
            "+442071234567",
            ('"31000000" <sip:+442071234567@acme.sip.example.com;user=phone>', "<tel:+442071234567>"),
        ),
        ("alice", "", "", ('"alice" <sip:alice@acme.sip.example.com>',)),
        ("a@b", "", "", ('"a@b" <sip:a%40b@acme.sip.example.com>',)),
        ("999123", "", "", ('"999123" <sip:999123@acme.sip.example.com>',)),
        ("alice", "+31201234567", "+31201234567", ('"alice" <sip:+31201234567@acme.sip.example.com;user=phone>', "<tel:+31201234567>")),
        ("", "+31201234567", "+31201234567", ('"acme" <sip:+31201234567@acme.sip.example.com;user=phone>', "<tel:+31201234567>")),
        ("", "", "", ('"acme" <sip:acme.sip.example.com>',)),
    ],
)
def test_the_caller_is_its_caller_id_else_its_username_where_that_is_a_number_else_the_sip_form(
    account: str, caller_id: str, number: str, asserted: tuple[str, ...]
) -> None:
    identity = identify(account=account, caller_id=caller_id, label="acme", realm=REALM)
    assert (identity.caller_id, identity.asserted) == (number, asserted)


PRIVATE_TO_TRUSTED = {
    "id": "id",
    "ID": "id",
    "user": "user",
    "header": "header",
    " Id ; Critical ": "id;critical",
    "user;id": "user;id",
    "none;id": "id",
}


@pytest.mark.parametrize(("value", "passed_on"), PRIVATE_TO_TRUSTED.items())
def test_a_private_call_is_anonymous_beyond_the_trust_border_and_whole_within(value: str, passed_on: str) -> None:
    privacy = parse_privacy([value], FROM)
    assert show(CALLER, privacy, TRUSTED) == Shown("", ASSERTED, passed_on)
    for settings in (UNTRUSTED, SENDING):
        assert show(CALLER, privacy, settings) == Shown(ANONYMOUS, (), "")
    assert presented(CALLER, privacy) == "anonymous"


@pytest.mark.parametrize("values", [["none"], ["NONE"], ["none;critical"]])
def test_privacy_none_keeps_the_identity_everywhere(values: list[str]) -> None:
    privacy = parse_privacy(values, FROM)
    for settings in (TRUSTED, UNTRUSTED, SENDING):
        assert show(CALLER, privacy, settings) == Shown("", ASSERTED, values[0].lower())
    assert presented(CALLER, privacy) == "+31000000"


def test_a_call_that_asks_for_nothing_shows_its_identity_to_trusted_carriers_and_those_set_so() -> None:
    assert show(CALLER, NO_PRIVACY, TRUSTED) == Shown("", ASSERTED, "")
    assert show(CALLER, NO_PRIVACY, UNTRUSTED) == Shown("", (), "")
    assert show(CALLER, NO_PRIVACY, SENDING) == Shown("", ASSERTED, "")


def test_values_of_several_privacy_headers_count_together() -> None:
    assert parse_privacy(["user", "critical, id"], FROM).value == "user;critical;id"


def test_an_anonymous_from_alone_asks_for_privacy() -> None:
    privacy = parse_privacy([], "sip:anonymous@ANONYMOUS.invalid")
    assert privacy.is_private
    assert show(CALLER, privacy, TRUSTED).privacy == "id"
    assert show(CALLER, privacy, SENDING) == Shown(ANONYMOUS, (), "")
    assert privacy.notes


def test_session_privacy_is_noted_and_its_request_handed_on() -> None:
    privacy = parse_privacy(["session"], FROM)
    assert (privacy.is_session, privacy.is_critical, privacy.is_private) == (True, False, False)
    assert any("session" in note for note in privacy.notes)
    assert show(CALLER, privacy, UNTRUSTED) == Shown("", (), "session")
    assert show(CALLER, privacy, SENDING) == Shown("", (), "session")
    assert show(CALLER, parse_privacy(["session;id"], FROM), UNTRUSTED) == Shown(ANONYMOUS, (), "session")


@pytest.mark.parametrize(
    ("hint", "number"),
    [
        ("<tel:+31000000>", "+31000000"),
        ('"x" <sip:+31000000@evil.example>', "+31000000"),
        ("sip:31000000@evil.example;user=phone", "+31000000"),
        ("<sip:+19998887777@spoofed.example.com>", "+442071234567"),
        ("<tel:+19998887777>", "+442071234567"),
        ("garbage", "+442071234567"),
        ("", "+442071234567"),
    ],
)
def test_an_identity_hint_is_followed_only_to_a_number_of_the_caller_itself(hint: str, number: str) -> None:
    identity = identify(account="31000000", caller_id="+442071234567", label="acme", realm=REALM)
    chosen, notes = hinted(identity, [hint], account="31000000", label="acme", realm=REALM)
    assert chosen.caller_id == number
    assert "evil" not in str(chosen) and "spoofed" not in str(chosen) and "1999" not in str(chosen)
    assert bool(notes) is ("1999" in hint)


@given(st.text(max_size=300), st.text(max_size=64), st.text(max_size=40))
def test_nothing_that_comes_from_outside_can_break_out_of_a_header(value: str, account: str, from_uri: str) -> None:
    privacy = parse_privacy([value], from_uri)
    identity = identify(account=account, caller_id="", label="acme", realm=REALM)
    for settings in (TRUSTED, UNTRUSTED, SENDING):
        shown = show(identity, privacy, settings)
        for text in (shown.from_name_addr, shown.privacy, *shown.asserted):
            assert all(" " <= char <= "~" for char in text)
        assert all(char not in shown.privacy for char in ' ",<>:@')
        for asserted in shown.asserted:
            assert asserted.count("<") - account.count("<") <= 1
            assert asserted.endswith(">")


@given(st.lists(st.sampled_from(["none", "id", "user", "header", "session", "critical", "history"]), max_size=5))
def test_a_request_that_names_any_kind_of_privacy_never_shows_the_caller_to_a_stranger(tokens: list[str]) -> None:
    privacy: Privacy = parse_privacy([";".join(tokens)], FROM)
    if {"id", "user", "header"} & set(tokens):
        assert show(CALLER, privacy, SENDING).asserted == ()
        assert show(CALLER, privacy, SENDING).from_name_addr == ANONYMOUS


def test_a_value_that_nobody_knows_is_handed_on_and_named_and_history_is_known() -> None:
    asked = parse_privacy(["History;foo"], FROM)
    assert (asked.value, asked.unknown, asked.notes) == ("history;foo", ("foo",), ("Privacy: foo is not known",))
    assert parse_privacy(["history;critical"], FROM).unknown == ()
