"""Messages in streams, and where URIs lead."""

from __future__ import annotations

import pytest

from trunkline.lab.sip.flow import Flow, Framer, flow_of
from trunkline.lab.sip.message import MalformedMessage

BYE = b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nl: 5\r\n\r\nhello"


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(BYE), 3 * len(BYE)])
def test_messages_come_whole_whatever_the_pieces(size: int) -> None:
    stream = b"\r\n\r\n" + BYE + b"\r\n" + BYE + BYE
    framer = Framer()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [message for piece in pieces for message in framer.feed(piece)] == [BYE, BYE, BYE]


@pytest.mark.parametrize("length", [b"", b"l: five\r\n", b"l: 70000\r\n"])
def test_a_stream_of_which_nobody_knows_the_next_message_is_of_no_use(length: bytes) -> None:
    with pytest.raises(MalformedMessage):
        Framer().feed(BYE.replace(b"l: 5\r\n", length))


def test_a_header_without_an_end_is_not_kept_for_ever() -> None:
    framer = Framer()
    with pytest.raises(MalformedMessage):
        for _ in range(10):
            framer.feed(b"X: y\r\n" * 2000)


@pytest.mark.parametrize(
    ("uri", "flow"),
    [
        ("sip:192.0.2.1", Flow("192.0.2.1", 5060)),
        ("sip:a@192.0.2.1:5070;lr;transport=TCP", Flow("192.0.2.1", 5070, "tcp")),
        ("sip:[2001:db8::1];transport=tls", Flow("2001:db8::1", 5061, "tls")),
        ("sips:192.0.2.1", Flow("192.0.2.1", 5061, "tls")),
        ("sip:pop.example.com", None),
        ("sip:192.0.2.1;transport=sctp", None),
    ],
)
def test_a_uri_says_by_what_its_address_is_reached(uri: str, flow: Flow | None) -> None:
    assert flow_of(uri) == flow
