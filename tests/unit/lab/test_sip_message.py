from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.lab.sip.message import (
    MalformedMessage,
    Request,
    Response,
    first,
    host_port_of,
    parse,
    split_list,
    tag_of,
    uri_of,
    user_of,
    values,
)

INVITE = (
    b"INVITE sip:+31201234567@acme.sip.trunkline.test SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1;rport, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0\r\n"
    b'f: "A, B" <sip:31000000@acme.sip.trunkline.test>;tag=1\r\n'
    b"To: <sip:+31201234567@acme.sip.trunkline.test>\r\n"
    b"i: abc\r\n"
    b"CSeq: 1\r\n  INVITE\r\n"
    b"l: 4\r\n\r\nbodyand more"
)


def test_compact_folded_and_listed_headers_are_read() -> None:
    message = parse(INVITE)
    assert isinstance(message, Request)
    assert len(values(message.headers, "Via")) == 2
    assert tag_of(first(message.headers, "From")) == "1"
    assert first(message.headers, "cseq").split() == ["1", "INVITE"]
    assert message.body == b"body"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"INVITE sip:a@b SIP/2.0\r\nVia: x\r\n",
        b"INVITE sip:a@b\r\n\r\n",
        b"SIP/2.0 20 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nno colon\r\n\r\n",
        b"SIP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"SIP/2.0 200 OK\r\nContent-Length: x\r\n\r\nabc",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse(data)


def test_a_message_is_encoded_as_it_was_read() -> None:
    response = Response(486, "Busy Here", (("Via", "SIP/2.0/UDP a"), ("To", "<sip:a@b>;tag=x")), b"x")
    again = parse(response.encode())
    assert isinstance(again, Response)
    assert (again.status, again.reason, again.body) == (486, "Busy Here", b"x")
    assert again.headers[:2] == response.headers


def test_commas_inside_quotes_and_brackets_do_not_split() -> None:
    assert split_list('"a, \\" b" <sip:a@b;x=1,2>;p=1, <sip:c@d>') == ['"a, \\" b" <sip:a@b;x=1,2>;p=1', "<sip:c@d>"]


@pytest.mark.parametrize(
    ("uri", "user", "place"),
    [
        ("sip:+31@[::1]:5070;lr", "+31", ("::1", 5070)),
        ("sip:%2B31:secret@h.example", "+31", ("h.example", 5060)),
        ("sip:127.0.0.1:7", "", ("127.0.0.1", 7)),
    ],
)
def test_uris_are_taken_apart(uri: str, user: str, place: tuple[str, int]) -> None:
    assert user_of(uri) == user
    assert host_port_of(uri) == place
    assert uri_of(f'"x" <{uri}>;tag=1') == uri


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    try:
        parse(data)
    except MalformedMessage:
        return
