"""What is kept of a SIP message holds no secret and nothing that is acted on; the rest of it stays as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.masking import masked_text

SECRET = "5ebe2294ecd0e0f08eab7690d2a6ee69"
INVITE = f"""INVITE sip:3123456789@acme.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
Call-ID: 1@pbx
Proxy-Authorization: Digest username="31000000", realm="example.com", nonce="{SECRET}",
 uri="sip:3123456789@acme.example.com", response="{SECRET}", cnonce="{SECRET}", nc=00000001, qop=auth
Content-Type: application/sdp

v=0
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SECRET}
k=base64:{SECRET}
a=rtpmap:0 PCMU/8000
""".replace("\n", "\r\n").encode()


def test_an_invite_loses_its_secrets_and_nothing_else() -> None:
    text = masked_text(INVITE)
    assert SECRET not in text
    assert text == (
        "INVITE sip:3123456789@acme.example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nCall-ID: 1@pbx\n"
        'Proxy-Authorization: Digest username="31000000", realm="example.com", nonce=***\n ***\nContent-Type: application/sdp\n\nv=0\n'
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***\nk=***\na=rtpmap:0 PCMU/8000\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        f'Authorization: Digest response="{SECRET}"',
        f"AUTHORIZATION \t: Digest Response = {SECRET}",
        f"Authorization: Basic {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: {SECRET}",
        f'Authorization: Digest realm="a\\"", response="{SECRET}',
        f'Authorization: Digest realm="x" {SECRET}',
        f'Authorization: Digest token="{SECRET}"',
        f'WWW-Authenticate: Digest realm="x", nonce="{SECRET}", opaque="{SECRET}"',
        f'Authentication-Info: nextnonce="{SECRET}", rspauth="{SECRET}"',
        f"From: <sip:a:{SECRET}@example.com>",
        f"a=ice-pwd:{SECRET}",
        f"a=key-mgmt:mikey {SECRET}",
        f"A=CRYPTO:1 AES inline:{SECRET}",
        f"K=clear:{SECRET}",
        f"Signal={SECRET}",
    ],
)
@pytest.mark.parametrize("before", ["OPTIONS sip:a SIP/2.0\r\n", "NOTIFY sip:a SIP/2.0\r\nContent-Type: message/sipfrag\r\n\r\n"])
def test_secrets_are_masked_however_they_are_written(before: str, line: str) -> None:
    text = masked_text(f"{before}{line}\r\n\r\n".encode())
    assert SECRET not in text and "***" in text


def test_digits_that_were_dialled_in_a_call_are_masked() -> None:
    assert masked_text(b"INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\n7\r\n").split("\n")[-2] == "***"


def test_half_a_line_at_the_end_of_a_cut_message_is_left_out() -> None:
    assert masked_text(b"OPTIONS sip:a SIP/2.0\r\nTo: <sip:a:secre", is_cut=True) == "OPTIONS sip:a SIP/2.0\n"


def test_what_a_terminal_or_a_page_would_act_on_is_written_as_numbers() -> None:
    text = masked_text("Subject: \x1b[2J\x00 \u202egpj\xff\t<img src=x onerror=a()>".encode() + b"\xfe")
    assert text == "Subject: \\x1b[2J\\x00 \\u202egpjÿ\t<img src=x onerror=a()>\\xfe"


@given(st.binary(max_size=400))
def test_any_bytes_become_text_that_can_be_printed(message: bytes) -> None:
    assert all(character.isprintable() or character in "\n\t" for character in masked_text(message))


@given(st.text(st.sampled_from('Digest response=\\",:\t a=k*'), max_size=60), st.text(st.sampled_from('",\\ ;='), max_size=8))
def test_no_response_survives_what_stands_around_it(before: str, after: str) -> None:
    assert SECRET not in masked_text(f'Authorization: Digest {before} response="{SECRET}{after}'.encode())
