"""What is sealed opens for its owner under its key only."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from trunkline.auth.sealing import SEALED_BYTES, Owner, ha1s, seal, unseal
from trunkline.domain.decide_access import SEALED_BYTES as DOMAIN_SEALED_BYTES

KEY = bytes(range(32))
OWNER = Owner("acme", "c1", "sip.trunkline.test", "31000000")
SECRETS = ha1s("31000000", "sip.trunkline.test", "correct horse")
SEALED = seal(KEY, OWNER, SECRETS, b"n" * 12)


def test_the_ha1s_of_rfc_7616_s_example_are_right() -> None:
    md5, sha256, _ = ha1s("Mufasa", "http-auth@example.org", "Circle of Life")
    assert md5.hex() == "3d78807defe7de2157e2b0b6573a855f"
    assert sha256.hex() == "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"


def test_the_ha1_of_sha_512_256_is_not_a_cut_sha_512() -> None:
    text = b"31000000:sip.trunkline.test:correct horse"
    assert len(SECRETS[2]) == 32
    assert SECRETS[2] != hashlib.sha512(text).digest()[:32]


def test_what_was_sealed_opens() -> None:
    assert unseal(KEY, OWNER, SEALED) == SECRETS


def test_its_length_is_what_the_domain_demands() -> None:
    assert len(SEALED) == SEALED_BYTES == DOMAIN_SEALED_BYTES


@pytest.mark.parametrize("field", ["tenant", "credential_id", "realm", "username"])
def test_it_opens_for_its_owner_only(field: str) -> None:
    assert unseal(KEY, replace(OWNER, **{field: "other"}), SEALED) is None


def test_it_does_not_open_under_another_key() -> None:
    assert unseal(bytes(32), OWNER, SEALED) is None


@pytest.mark.parametrize("place", [0, 12, 50, SEALED_BYTES - 1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    assert unseal(KEY, OWNER, SEALED[:place] + bytes([SEALED[place] ^ 1]) + SEALED[place + 1 :]) is None


@pytest.mark.parametrize("length", [0, 12, SEALED_BYTES - 1, SEALED_BYTES + 1])
def test_another_length_is_noticed(length: int) -> None:
    assert unseal(KEY, OWNER, (SEALED + b"x")[:length]) is None


def test_no_secret_stands_in_what_was_sealed() -> None:
    for secret in SECRETS:
        assert secret not in SEALED
