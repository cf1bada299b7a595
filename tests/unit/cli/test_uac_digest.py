from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.cli.uac.digest import Challenge, choose, credentials, parse_challenge

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_are_answered_as_printed(algorithm: str, response: str) -> None:
    challenge = parse_challenge(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="{NONCE}", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    assert challenge is not None
    value = credentials(challenge, username="Mufasa", password="Circle of Life", method="GET", uri="/dir/index.html", cnonce=CNONCE)
    assert f'response="{response}"' in value
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in value
    assert re.search(r"qop=auth, nc=00000001", value)


def test_the_example_of_rfc_7616_for_sha_512_256_is_answered_as_its_erratum_4897_has_it() -> None:
    challenge = Challenge("api@example.org", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "SHA-512-256", qop="auth")
    cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    value = credentials(challenge, username="Jäsøn Doe", password="Secret, or not?", method="GET", uri="/doe.json", cnonce=cnonce)
    assert 'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"' in value


def test_sha_512_256_is_the_truncated_hash_with_its_own_start() -> None:
    value = credentials(Challenge("r", "n", "SHA-512-256"), username="u", password="p", method="INVITE", uri="sip:x", cnonce="c")
    assert re.search(r'response="[0-9a-f]{64}"', value)
    other = credentials(Challenge("r", "n", "SHA-256"), username="u", password="p", method="INVITE", uri="sip:x", cnonce="c")
    assert value.split("response=")[1][:20] != other.split("response=")[1][:20]


def test_without_qop_and_algorithm_neither_is_sent() -> None:
    challenge = parse_challenge('Digest realm="r", nonce="n"')
    assert challenge == Challenge("r", "n")
    value = credentials(challenge, username="u", password="p", method="INVITE", uri="sip:x", cnonce="c")
    assert not re.search("qop|nc=|cnonce|algorithm|opaque", value)


CHALLENGES = {
    "sha256": 'Digest realm="a", nonce="1", algorithm=SHA-256, qop="auth"',
    "md5": 'Digest realm="a", nonce="2", algorithm=MD5, qop="auth"',
    "other realm": 'Digest realm="b", nonce="3", algorithm=MD5',
    "unknown algorithm": 'Digest realm="a", nonce="4", algorithm=SHA3-512',
    "only auth-int": 'Digest realm="a", nonce="5", qop="auth-int"',
    "aka": 'Digest realm="a", nonce="6", algorithm=AKAv1-MD5',
    "another scheme": 'Bearer realm="a"',
    "broken": 'Digest realm="a" nonce',
    "twice": 'Digest realm="a", nonce="7", nonce="8"',
}


@pytest.mark.parametrize(
    ("offered", "supported", "nonce"),
    [
        (["sha256", "md5"], ("MD5", "SHA-256"), "1"),
        (["md5", "sha256"], ("MD5", "SHA-256"), "2"),
        (["sha256", "md5"], ("MD5",), "2"),
        (["unknown algorithm", "another scheme", "broken", "twice", "only auth-int", "aka", "other realm", "md5"], ("MD5",), "3"),
        (["unknown algorithm", "another scheme"], ("MD5",), None),
        (["sha256"], ("MD5",), None),
        ([], ("MD5",), None),
    ],
)
def test_the_topmost_supported_challenge_of_any_realm_is_answered(
    offered: list[str], supported: tuple[str, ...], nonce: str | None
) -> None:
    chosen = choose([CHALLENGES[name] for name in offered], supported)
    assert (chosen.nonce if chosen else None) == nonce


@given(st.text(max_size=80))
def test_no_challenge_breaks_the_client(text: str) -> None:
    parse_challenge("Digest " + text)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20))
def test_quoted_realms_come_back_as_they_were_sent(realm: str) -> None:
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    challenge = parse_challenge(f'Digest realm="{quoted}", nonce="n"')
    assert challenge is not None
    assert challenge.realm == realm
    value = credentials(challenge, username="u", password="p", method="INVITE", uri="sip:x", cnonce="c")
    assert f'realm="{quoted}"' in value
