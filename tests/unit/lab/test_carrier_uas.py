"""The simulated carrier's machine, with a clock that the test holds."""

from __future__ import annotations

from itertools import count

import pytest

from trunkline.lab.carrier.uas import GIVE_UP_S, Send, Uas
from trunkline.lab.sip.flow import Flow
from trunkline.lab.sip.message import Message, Request, Response, first, parse, tag_of, values

EDGE = Flow("127.0.1.1", 5060)


class Bench:
    """A Uas, and an edge in front of it that has recorded its route."""

    def __init__(self, *, is_first: bool = True) -> None:
        tokens = count(1)
        self.uas = Uas(host="127.0.9.1", port=5060, name="alpha", is_first=is_first, make_token=lambda: f"t{next(tokens)}")
        self.now = 100.0

    def invite(self, number: str, branch: str = "z9hG4bKa") -> bytes:
        return self.request("INVITE", number, branch, 1, extra="Contact: <sip:pbx@127.0.0.1:5070>\r\n")

    def request(self, method: str, number: str, branch: str, cseq: int, to_tag: str = "", extra: str = "") -> bytes:
        tag = f";tag={to_tag}" if to_tag else ""
        return (
            f"{method} sip:{number}@127.0.9.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.1.1:5060;branch={branch}\r\n"
            "Record-Route: <sip:127.0.1.1:5060;lr;t=abc>\r\nFrom: <sip:31000000@acme>;tag=f\r\n"
            f"To: <sip:{number}@acme>{tag}\r\nCall-ID: c1\r\nCSeq: {cseq} {method}\r\n{extra}Content-Length: 0\r\n\r\n"
        ).encode()

    def receive(self, data: bytes) -> list[Message]:
        return messages(self.uas.receive(data, EDGE, self.now))

    def run(self, seconds: float) -> list[tuple[float, Message]]:
        """Lets the time pass; what was sent, with the time since the start of the run."""
        start, end = self.now, self.now + seconds
        sent: list[tuple[float, Message]] = []
        while (wake := self.uas.next_wake_s()) is not None and wake <= end:
            self.now = max(self.now, wake)
            sent += [(round(self.now - start, 3), message) for message in messages(self.uas.wake(self.now))]
        self.now = end
        return sent


def messages(sends: list[Send]) -> list[Message]:
    assert all(send.to == EDGE for send in sends)
    return [parse(send.data) for send in sends]


def statuses(sent: list[Message]) -> list[int]:
    assert all(isinstance(message, Response) for message in sent)
    return [message.status for message in sent if isinstance(message, Response)]


def answered(bench: Bench, number: str) -> str:
    """Up to the 200; the To tag."""
    assert statuses(bench.receive(bench.invite(number))) == [100, 180]
    (_, response), *_ = bench.run(0.1)
    assert isinstance(response, Response)
    assert response.status == 200
    return tag_of(first(response.headers, "to"))


@pytest.mark.parametrize(("number", "status"), [("31200000486", 486), ("31200000404", 404), ("31200000503", 503)])
def test_a_refusal_is_repeated_until_its_ack(number: str, status: int) -> None:
    bench = Bench()
    sent = bench.receive(bench.invite(number))
    assert statuses(sent) == [100, status]
    assert [time for time, _ in bench.run(4)] == [0.5, 1.5, 3.5]
    bench.receive(bench.request("ACK", number, "z9hG4bKa", 1, tag_of(first(sent[-1].headers, "to"))))
    assert bench.run(60) == []
    assert bench.uas.live_calls == 0


def test_only_the_first_carrier_is_out_of_service() -> None:
    bench = Bench(is_first=False)
    assert statuses(bench.receive(bench.invite("31200000503"))) == [100, 180]


def test_a_silent_number_gets_no_answer_at_all() -> None:
    bench = Bench()
    assert bench.receive(bench.invite("31200000000")) == []
    assert bench.run(60) == []


def test_early_media_is_a_183_with_a_session_description() -> None:
    bench = Bench()
    sent = bench.receive(bench.invite("31200000183"))
    assert statuses(sent) == [100, 183]
    assert sent[-1].body.startswith(b"v=0")
    assert [message.status for _, message in bench.run(0.3) if isinstance(message, Response)] == [200]


def test_a_200_is_repeated_until_its_ack_with_the_interval_capped_at_t2() -> None:
    bench = Bench()
    tag = answered(bench, "31200000001")
    assert [time for time, _ in bench.run(12)][:5] == pytest.approx([0.45, 1.45, 3.45, 7.45, 11.45])
    bench.receive(bench.request("ACK", "31200000001", "z9hG4bKack", 1, tag))
    assert bench.run(60) == []
    assert bench.uas.live_calls == 1


def test_a_200_without_ack_ends_in_a_bye() -> None:
    bench = Bench()
    answered(bench, "31200000001")
    sent = [message for _, message in bench.run(GIVE_UP_S + 0.1)]
    byes = [message for message in sent if isinstance(message, Request)]
    assert [bye.method for bye in byes] == ["BYE"]
    assert bench.uas.live_calls == 0


def test_a_number_in_9nn_hangs_up_after_nn_seconds_along_the_route_set() -> None:
    bench = Bench()
    tag = answered(bench, "31200000907")
    bench.receive(bench.request("ACK", "31200000907", "z9hG4bKack", 1, tag))
    assert bench.run(6.8) == []
    (_, bye), *_ = bench.run(0.3)
    assert isinstance(bye, Request)
    assert (bye.method, bye.uri) == ("BYE", "sip:pbx@127.0.0.1:5070")
    assert values(bye.headers, "route") == ["<sip:127.0.1.1:5060;lr;t=abc>"]
    assert tag_of(first(bye.headers, "from")) == tag
    assert tag_of(first(bye.headers, "to")) == "f"
    reply = Response(200, "OK", (("Via", first(bye.headers, "via")), ("CSeq", first(bye.headers, "cseq"))))
    bench.receive(reply.encode())
    assert bench.run(60) == []


def test_a_bye_without_answer_is_repeated_for_a_bounded_time() -> None:
    bench = Bench()
    tag = answered(bench, "31200000900")
    bench.receive(bench.request("ACK", "31200000900", "z9hG4bKack", 1, tag))
    assert [time for time, _ in bench.run(120)] == pytest.approx([0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5])


def test_a_cancelled_call_is_terminated_and_a_retransmitted_cancel_answered_again() -> None:
    bench = Bench()
    assert statuses(bench.receive(bench.invite("31200000180"))) == [100, 180]
    cancel = bench.request("CANCEL", "31200000180", "z9hG4bKa", 1)
    assert statuses(bench.receive(cancel)) == [200, 487]
    assert statuses(bench.receive(cancel)) == [200]


def test_a_retransmitted_invite_gets_the_last_response_again() -> None:
    bench = Bench()
    bench.receive(bench.invite("31200000180"))
    assert statuses(bench.receive(bench.invite("31200000180"))) == [180]


def test_requests_of_the_dialog_are_answered_and_a_reinvite_until_its_ack() -> None:
    bench = Bench()
    tag = answered(bench, "31200000001")
    bench.receive(bench.request("ACK", "31200000001", "z9hG4bKack", 1, tag))
    for number, (method, status) in enumerate([("UPDATE", 200), ("INFO", 200), ("REFER", 202)]):
        request = bench.request(method, "31200000001", f"z9hG4bKm{number}", 2 + number, tag)
        assert statuses(bench.receive(request)) == [status]
    sent = bench.receive(bench.request("INVITE", "31200000001", "z9hG4bKre", 9, tag))
    assert statuses(sent) == [200]
    assert sent[0].body.startswith(b"v=0")
    assert len(bench.run(1)) == 1
    bench.receive(bench.request("ACK", "31200000001", "z9hG4bKreack", 9, tag))
    assert bench.run(30) == []
    bye = bench.request("BYE", "31200000001", "z9hG4bKbye", 10, tag)
    assert statuses(bench.receive(bye)) == [200]
    assert statuses(bench.receive(bye)) == [200], "a retransmitted BYE"
    assert statuses(bench.receive(bench.request("BYE", "31200000001", "z9hG4bKlate", 11, tag))) == [481]


def test_options_is_answered_and_garbage_is_dropped() -> None:
    bench = Bench()
    assert statuses(bench.receive(bench.request("OPTIONS", "x", "z9hG4bKo", 1))) == [200]
    assert statuses(bench.receive(bench.request("REGISTER", "x", "z9hG4bKr", 1))) == [405]
    assert bench.receive(b"\r\n\r\n") == []
    assert bench.receive(b"INVITE sip:x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n") == []
