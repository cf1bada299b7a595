"""`ha1` and `digest_response` against the vectors of the RFCs."""

from __future__ import annotations

import pytest

from trunkline.engine import digest_response, ha1


def test_the_example_of_rfc_2617_with_qop() -> None:
    secret = ha1("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life")
    response = digest_response(
        algorithm="MD5", ha1=secret, nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", method="GET", uri="/dir/index.html", cnonce="0a4f113b"
    )
    assert response == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    ("algorithm", "wanted"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, wanted: str) -> None:
    response = digest_response(
        algorithm=algorithm,
        ha1=ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life"),
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        method="GET",
        uri="/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert response == wanted


def test_the_example_of_rfc_7616_for_sha_512_256_as_its_erratum_4897_has_it() -> None:
    """The RFC prints what SHA-512 cut to 256 bits makes of it, which is another function."""
    response = digest_response(
        algorithm="SHA-512-256",
        ha1=ha1("SHA-512-256", "Jäsøn Doe", "api@example.org", "Secret, or not?"),
        nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        method="GET",
        uri="/doe.json",
        cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
    )
    assert response == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


@pytest.mark.parametrize(("qop", "wanted"), [("", "bf57e4e0d0bffc0fbaedce64d59add5e"), ("auth", "89eb0059246c02b2f6ee02c7961d5ea3")])
def test_the_examples_for_sip(qop: str, wanted: str) -> None:
    """Of draft-smith-sip-auth-examples, which SIP stacks are compared by."""
    response = digest_response(
        algorithm="MD5",
        ha1=ha1("MD5", "bob", "biloxi.com", "zanzibar"),
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
        method="INVITE",
        uri="sip:bob@biloxi.com",
        cnonce="0a4f113b",
        qop=qop,
    )
    assert response == wanted


def test_without_qop_counter_and_cnonce_do_not_matter() -> None:
    secret = ha1("MD5", "u", "r", "p")
    plain = digest_response(algorithm="MD5", ha1=secret, nonce="n", method="INVITE", uri="sip:x", qop="")
    assert plain == digest_response(algorithm="MD5", ha1=secret, nonce="n", method="INVITE", uri="sip:x", qop="", nc=9, cnonce="c")
    assert plain != digest_response(algorithm="MD5", ha1=secret, nonce="n", method="INVITE", uri="sip:x")


def test_what_is_no_algorithm_or_secret_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="MD5-sess"):
        ha1("MD5-sess", "u", "r", "p")
    with pytest.raises(ValueError, match="16 bytes, but that of SHA-256 has 32"):
        digest_response(algorithm="SHA-256", ha1=bytes(16), nonce="n", method="INVITE", uri="sip:x")
    with pytest.raises(ValueError, match="auth-int"):
        digest_response(algorithm="MD5", ha1=bytes(16), nonce="n", method="INVITE", uri="sip:x", qop="auth-int")
