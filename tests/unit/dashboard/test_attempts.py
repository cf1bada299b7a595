import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.attempts import Offer, attempt_of, by_reason, host_of, offers_of, what_happened, who_ended
from trunkline.dashboard.ladder import first_line, from_record
from trunkline.dashboard.live import message


@pytest.mark.parametrize(
    ("source", "host"),
    [("192.0.2.1:5060", "192.0.2.1"), ("[2001:db8::1]:5060", "2001:db8::1"), ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1")],
)
def test_the_address_of_a_source_is_found(source: str, host: str) -> None:
    assert host_of(source) == host


def test_a_source_in_no_list_can_be_allowed_and_nothing_else_can() -> None:
    refused = records_pb2.Record(domain="acme", source="192.0.2.1:5060", reason="T203")
    offers = {"acme": [Offer("office", asks_password=False)]}
    attempt = attempt_of(refused, offers)
    assert (attempt.allow, list(attempt.acls)) == ("192.0.2.1", offers["acme"]) and attempt.reason is not None
    wrong = records_pb2.Record(domain="acme", source="192.0.2.1:5060", reason="T204")
    assert attempt_of(wrong, offers).allow == ""


def test_a_list_that_asks_for_a_password_is_offered_first_and_none_that_an_address_would_close() -> None:
    address, account = pb.Address(cidr="192.0.2.1/32"), pb.Account(username="31000000")
    acls = [
        pb.Acl(name="open", addresses=[address]),
        pb.Acl(name="empty"),
        pb.Acl(name="people", accounts=[account]),
        pb.Acl(name="both", addresses=[address], accounts=[account]),
    ]
    assert offers_of(acls) == [Offer("both", asks_password=True), Offer("open", asks_password=False), Offer("empty", asks_password=False)]


def test_reasons_are_counted_the_most_frequent_first() -> None:
    records = [records_pb2.Record(reason=code, reason_text=code.lower()) for code in ("T203", "T204", "T203", "")]
    assert by_reason(records) == [("T203", "t203", 2), ("T204", "t204", 1)]


@pytest.mark.parametrize("outcome", ["answered", "live", "ringing", "trying", "refused", "cancelled", "failed"])
def test_every_outcome_is_a_sentence(outcome: str) -> None:
    said = what_happened(records_pb2.Record(outcome=outcome, number="31201234567"))
    assert said.endswith(".") and ("+31201234567" in said)


def test_who_ended_a_call_is_said_as_far_as_it_is_known() -> None:
    tried = [records_pb2.GatewayAttempt(carrier="alpha"), records_pb2.GatewayAttempt(carrier="beta")]

    def said(outcome: str, by: str, status: int = 0) -> str:
        return what_happened(records_pb2.Record(outcome=outcome, ended_by=by, number="31201234567", status=status, attempts=tried))

    assert said("answered", "callee") == "+31201234567 answered; the called party hung up."
    assert said("answered", "presumed") == "+31201234567 answered; nobody told the end of the call."
    assert said("failed", "callee", 404) == "beta answered 404 Not Found: +31201234567 was not reached."
    assert said("failed", "callee", 499) == "beta answered 499: +31201234567 was not reached."
    assert said("failed", "presumed") == "Nobody told what became of the call to +31201234567."
    assert said("failed", "edge", 503) == "No carrier could complete the call to +31201234567."
    assert who_ended(records_pb2.Record(outcome="failed", ended_by="callee", attempts=tried)) == "beta"


def at(seconds: float) -> Timestamp:
    return Timestamp(seconds=1000 + int(seconds), nanos=int(seconds % 1 * 1e9))


def test_the_ladder_of_a_call_that_a_second_gateway_answered() -> None:
    attempts = [
        records_pb2.GatewayAttempt(number=1, carrier="alpha", gateway="alpha/eu", time=at(0.1), result="status", status=503, elapsed_ms=50),
        records_pb2.GatewayAttempt(number=2, carrier="beta", gateway="beta/eu", time=at(0.2), result="answered", elapsed_ms=900),
    ]
    record = records_pb2.Record(
        pop="eu1", setup_time=at(0), ringing_time=at(0.3), answer_time=at(1.1), end_time=at(5), ended_by="callee", attempts=attempts
    )
    ladder = from_record(record)
    assert list(ladder.parties) == ["caller", "eu1", "alpha/eu", "beta/eu"]
    assert [(arrow.source, arrow.target, arrow.label) for arrow in ladder.arrows] == [
        (0, 1, "INVITE"), (1, 2, "INVITE"), (2, 1, "503"), (1, 3, "INVITE"), (3, 1, "180 Ringing"), (1, 0, "180 Ringing"),
        (3, 1, "200 OK"), (1, 0, "200 OK"), (3, 1, "BYE"), (1, 0, "BYE"),
    ]  # fmt: skip
    assert [arrow.at_ms for arrow in ladder.arrows] == sorted(arrow.at_ms for arrow in ladder.arrows)


def test_the_ladder_of_a_refused_call_ends_at_the_edge() -> None:
    record = records_pb2.Record(
        setup_time=at(0), end_time=at(0), outcome="refused", status=403, reason="T203", reason_text="Source Not In ACL"
    )
    ladder = from_record(record)
    assert [(arrow.source, arrow.target) for arrow in ladder.arrows] == [(0, 1), (1, 0)] and "T203" in ladder.arrows[1].label


def test_a_start_line_is_a_label() -> None:
    assert first_line("SIP/2.0 180 Ringing\r\nVia: x") == ("180 Ringing", "dull")
    assert first_line("SIP/2.0 486 Busy Here\r\n")[1] == "bad"
    assert first_line("INVITE sip:+31@x SIP/2.0\r\n") == ("INVITE", "request")


def test_a_line_break_does_not_end_an_event() -> None:
    assert message("home", "a\n\nevent: evil\r\nb") == b"event: home\ndata: a\ndata: \ndata: event: evil\ndata: b\n\n"
