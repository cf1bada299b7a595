"""The test caller's machine with a clock that the test holds."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from trunkline.cli.uac.call import GIVE_UP_S, MAX_INVITES, Ending, OutgoingCall, Send, State
from trunkline.cli.uac.messages import Order
from trunkline.lab.sip.flow import Flow
from trunkline.lab.sip.message import Headers, Message, Request, Response, copied, first, parse, values

POP = Flow("127.0.1.1", 5060)
ORDER = Order(number="+31201234567", host="acme.sip.trunkline.test", username="31000000", password="secret", hold_s=2.0)
MD5 = ("Proxy-Authenticate", 'Digest realm="sip.trunkline.test", nonce="n1", algorithm=MD5, qop="auth"')


class Bench:
    def __init__(self, order: Order = ORDER) -> None:
        tokens = count(1)
        self.now = 50.0
        self.call = OutgoingCall(order, proxy=POP, local=("127.0.0.1", 5070), make_token=lambda: f"t{next(tokens)}")
        self.sent = self.read(self.call.start(self.now))

    @staticmethod
    def read(sends: list[Send]) -> list[Message]:
        assert all(send.to == POP for send in sends)
        return [parse(send.data) for send in sends]

    @property
    def invite(self) -> Request:
        invites = [step.message for step in self.call.steps if isinstance(step.message, Request) and step.message.method == "INVITE"]
        return invites[-1]

    def answer(self, status: int, *headers: tuple[str, str], request: Request | None = None, tag: str = "callee") -> list[Message]:
        """A response to the last INVITE, or to `request`; what the caller sends then."""
        to = request or self.invite
        fields: Headers = (
            *copied(to.headers, ("Via", "From")),
            ("To", f"{first(to.headers, 'to')}" + ("" if status == 100 or "tag=" in first(to.headers, "to") else f";tag={tag}")),
            *copied(to.headers, ("Call-ID", "CSeq")),
            *headers,
        )
        return self.read(self.call.receive(Response(status, "Whatever", fields).encode(), self.now))

    def run(self, seconds: float) -> list[tuple[float, str]]:
        start, end = self.now, self.now + seconds
        sent: list[tuple[float, str]] = []
        while (wake := self.call.next_wake_s()) is not None and wake <= end:
            self.now = max(self.now, wake)
            sent += [(round(self.now - start, 3), method(message)) for message in self.read(self.call.wake(self.now))]
        self.now = end
        return sent


def method(message: Message) -> str:
    return message.method if isinstance(message, Request) else str(message.status)


def methods(sent: list[Message]) -> list[str]:
    return [method(message) for message in sent]


def test_an_unanswered_invite_is_repeated_by_timer_a_and_given_up_by_timer_b() -> None:
    bench = Bench()
    assert bench.run(GIVE_UP_S + 1) == [(time, "INVITE") for time in (0.5, 1.5, 3.5, 7.5, 15.5, 31.5)]
    assert bench.call.outcome is not None
    assert bench.call.outcome.ending is Ending.NO_ANSWER


def test_a_provisional_response_ends_the_repetition() -> None:
    bench = Bench()
    assert bench.answer(100) == []
    assert bench.run(60) == []
    assert bench.call.state is State.PROCEEDING


def test_the_route_set_is_reversed() -> None:
    bench = Bench()
    fields: Headers = (
        *copied(bench.invite.headers, ("Via", "From")),
        ("To", f"{first(bench.invite.headers, 'to')};tag=x"),
        *copied(bench.invite.headers, ("Call-ID", "CSeq")),
        ("Contact", "<sip:a@127.0.9.1>"),
        ("Record-Route", "<sip:10.9.9.9;lr>, <sip:127.0.1.1;lr>"),
    )
    (ack,) = Bench.read(bench.call.receive(Response(200, "OK", fields).encode(), bench.now))
    assert (method(ack), first(ack.headers, "cseq")) == ("ACK", "1 ACK")
    assert values(ack.headers, "route") == ["<sip:127.0.1.1;lr>", "<sip:10.9.9.9;lr>"]


def accepted(bench: Bench) -> None:
    """Answered, with one route through the point of presence."""
    sent = bench.answer(200, ("Contact", "<sip:x@127.0.9.1>"), ("Record-Route", "<sip:127.0.1.1;lr;t=a>"))
    assert methods(sent) == ["ACK"]


def test_a_bye_follows_the_hold_and_is_repeated_until_it_is_answered() -> None:
    bench = Bench()
    accepted(bench)
    assert bench.run(3.6) == [(2.0, "BYE"), (2.5, "BYE"), (3.5, "BYE")]
    bye = bench.call.steps[-1].message
    assert isinstance(bye, Request)
    assert values(bye.headers, "route") == ["<sip:127.0.1.1;lr;t=a>"]
    bench.answer(200, request=bye)
    assert bench.call.state is State.OVER
    assert bench.call.outcome is not None
    assert bench.call.outcome.ending is Ending.HUNG_UP
    assert bench.call.outcome.is_answered
    assert bench.run(100) == []


def test_a_repeated_200_is_acknowledged_again_by_the_same_ack() -> None:
    bench = Bench()
    accepted(bench)
    again = bench.answer(200, ("Contact", "<sip:x@127.0.9.1>"), ("Record-Route", "<sip:127.0.1.1;lr;t=a>"))
    assert methods(again) == ["ACK"]
    acks = [step.message for step in bench.call.steps if step.is_sent and method(step.message) == "ACK"]
    assert first(again[0].headers, "via") == first(acks[0].headers, "via")


def test_a_second_answer_of_a_fork_is_acknowledged_and_hung_up() -> None:
    bench = Bench()
    accepted(bench)
    sent = bench.answer(200, ("Contact", "<sip:y@127.0.9.2>"), ("Record-Route", "<sip:127.0.1.1;lr;t=c>"), tag="other")
    assert methods(sent) == ["ACK", "BYE"]
    assert all("tag=other" in first(message.headers, "to") for message in sent)
    assert bench.call.state is State.ANSWERED


def test_a_challenge_is_acknowledged_and_answered_once() -> None:
    bench = Bench()
    ack, invite = bench.answer(407, MD5)
    assert isinstance(ack, Request)
    assert isinstance(invite, Request)
    assert (ack.method, invite.method) == ("ACK", "INVITE")
    assert first(ack.headers, "via") == first(bench.sent[0].headers, "via")
    assert first(invite.headers, "cseq") == "2 INVITE"
    assert 'nonce="n1"' in first(invite.headers, "proxy-authorization")
    assert first(invite.headers, "call-id") == first(bench.sent[0].headers, "call-id")
    fresh = ("Proxy-Authenticate", 'Digest realm="sip.trunkline.test", nonce="n2", algorithm=MD5, qop="auth"')
    assert methods(bench.answer(407, fresh)) == ["ACK"]
    assert bench.call.outcome is not None
    assert bench.call.outcome.ending is Ending.NOT_AUTHENTICATED


def test_a_stale_nonce_is_retried_with_the_new_one_and_not_for_ever() -> None:
    bench = Bench()
    bench.answer(407, MD5)
    for number in range(2, MAX_INVITES):
        stale = ("Proxy-Authenticate", f'Digest realm="sip.trunkline.test", nonce="n{number}", algorithm=MD5, stale=true')
        sent = bench.answer(407, stale)
        assert methods(sent) == ["ACK", "INVITE"]
        assert f'nonce="n{number}"' in first(sent[1].headers, "proxy-authorization")
    last = ("Proxy-Authenticate", 'Digest realm="sip.trunkline.test", nonce="last", stale=TRUE')
    assert methods(bench.answer(407, last)) == ["ACK"]
    assert bench.call.state is State.OVER


def test_the_same_nonce_is_never_answered_twice() -> None:
    bench = Bench()
    bench.answer(407, MD5)
    stale = ("Proxy-Authenticate", 'Digest realm="sip.trunkline.test", nonce="n1", algorithm=MD5, qop="auth", stale=true')
    assert methods(bench.answer(407, stale)) == ["ACK"]
    assert bench.call.state is State.OVER


def test_a_second_realm_gets_credentials_beside_the_first() -> None:
    bench = Bench()
    bench.answer(401, ("WWW-Authenticate", 'Digest realm="one", nonce="a"'))
    sent = bench.answer(407, ("Proxy-Authenticate", 'Digest realm="two", nonce="b"'))
    assert methods(sent) == ["ACK", "INVITE"]
    assert 'realm="one"' in first(sent[1].headers, "authorization")
    assert 'realm="two"' in first(sent[1].headers, "proxy-authorization")


@pytest.mark.parametrize(
    ("order", "header"),
    [
        (replace(ORDER, username=""), MD5),
        (ORDER, ("Proxy-Authenticate", 'Digest realm="r", nonce="n", algorithm=SHA3-256')),
        (ORDER, ("Proxy-Authenticate", "Bearer x")),
    ],
)
def test_the_caller_gives_up_when_it_can_answer_no_challenge(order: Order, header: tuple[str, str]) -> None:
    bench = Bench(order)
    assert methods(bench.answer(407, header)) == ["ACK"]
    assert bench.call.outcome is not None
    assert bench.call.outcome.ending is Ending.NOT_AUTHENTICATED
    assert bench.call.outcome.note


def test_a_repeated_refusal_is_acknowledged_again() -> None:
    bench = Bench()
    assert methods(bench.answer(403)) == ["ACK"]
    assert bench.call.outcome is not None
    assert (bench.call.outcome.ending, bench.call.outcome.status) == (Ending.REFUSED, 403)
    assert methods(bench.answer(403)) == ["ACK"]


def test_a_repeated_challenge_is_acknowledged_and_not_answered_twice() -> None:
    bench = Bench()
    old = bench.invite
    bench.answer(407, MD5)
    assert methods(bench.answer(407, MD5, request=old)) == ["ACK"]
    assert bench.call.state is State.CALLING


def test_cancel_waits_for_a_provisional_response_and_repeats_the_invites_branch() -> None:
    bench = Bench(replace(ORDER, cancel_after_s=1.0))
    assert ("CANCEL") not in [name for _, name in bench.run(1.2)]
    (cancel,) = bench.answer(180)
    assert isinstance(cancel, Request)
    assert cancel.method == "CANCEL"
    assert first(cancel.headers, "via") == first(bench.invite.headers, "via")
    assert first(cancel.headers, "cseq") == "1 CANCEL"
    bench.answer(200, request=cancel)
    assert methods(bench.answer(487)) == ["ACK"]
    assert bench.call.outcome is not None
    assert bench.call.outcome.ending is Ending.CANCELLED


def test_an_answer_that_crosses_the_cancel_is_hung_up_at_once() -> None:
    bench = Bench(replace(ORDER, cancel_after_s=0.1))
    bench.answer(180)
    assert [name for _, name in bench.run(0.2)] == ["CANCEL"]
    sent = bench.answer(200, ("Contact", "<sip:x@127.0.9.1>"), ("Record-Route", "<sip:127.0.1.1;lr;t=a>"))
    assert methods(sent) == ["ACK", "BYE"]


def test_a_cancelled_call_without_final_response_ends() -> None:
    bench = Bench(replace(ORDER, cancel_after_s=0.1))
    bench.answer(180)
    bench.run(100)
    assert bench.call.state is State.OVER


def in_dialog(bench: Bench, name: str, cseq: int, branch: str, from_tag: str = "callee") -> list[Message]:
    headers: Headers = (
        ("Via", f"SIP/2.0/UDP 127.0.1.1:5060;branch={branch}"),
        ("From", f"<sip:{ORDER.number}@{ORDER.host}>;tag={from_tag}"),
        ("To", first(bench.invite.headers, "from")),
        ("Call-ID", first(bench.invite.headers, "call-id")),
        ("CSeq", f"{cseq} {name}"),
    )
    return Bench.read(bench.call.receive(Request(name, "sip:127.0.0.1:5070", headers).encode(), bench.now))


def test_the_called_side_hangs_up() -> None:
    bench = Bench()
    accepted(bench)
    assert methods(in_dialog(bench, "BYE", 1, "z9hG4bKb")) == ["200"]
    assert bench.call.outcome is not None
    assert bench.call.outcome.ending is Ending.HUNG_UP_BY_CALLEE
    assert bench.call.outcome.is_answered
    assert methods(in_dialog(bench, "BYE", 1, "z9hG4bKb")) == ["200"]
    assert bench.run(100) == []


def test_a_reinvite_is_answered_until_its_ack_and_other_requests_once() -> None:
    bench = Bench(replace(ORDER, hold_s=None))
    accepted(bench)
    sent = in_dialog(bench, "INVITE", 1, "z9hG4bKr")
    assert methods(sent) == ["200"]
    assert sent[0].body
    assert bench.run(2) == [(0.5, "200"), (1.5, "200")]
    assert in_dialog(bench, "ACK", 1, "z9hG4bKra") == []
    assert bench.run(100) == []
    assert methods(in_dialog(bench, "INFO", 2, "z9hG4bKi")) == ["200"]
    assert methods(in_dialog(bench, "REFER", 3, "z9hG4bKf")) == ["405"]
    assert methods(in_dialog(bench, "BYE", 4, "z9hG4bKs", from_tag="stranger")) == ["481"]
    assert bench.call.state is State.ANSWERED


def test_with_privacy_id_from_is_anonymous() -> None:
    bench = Bench(replace(ORDER, privacy="id"))
    assert first(bench.invite.headers, "from").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=')
    assert first(bench.invite.headers, "privacy") == "id"


def test_messages_of_other_calls_and_garbage_are_dropped() -> None:
    bench = Bench()
    assert bench.call.receive(b"\r\n", bench.now) == []
    assert bench.call.receive(b"SIP/2.0 200 OK\r\nCall-ID: other\r\nCSeq: 1 INVITE\r\n\r\n", bench.now) == []
    assert bench.call.state is State.CALLING
