"""The running digest."""

from __future__ import annotations

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.events import Position
from trunkline.eventlog.digest import EMPTY, advance


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**63), st.text("abc.", max_size=9), st.binary(max_size=50))
def test_it_is_blake2b_over_what_the_design_says(previous: bytes, position: int, subject: str, body: bytes) -> None:
    wanted = blake2b(previous + position.to_bytes(8, "big") + subject.encode() + b"\0" + body, digest_size=16)
    assert advance(previous, Position(position), subject, body) == wanted.digest()


def test_everything_that_goes_in_makes_a_difference() -> None:
    base = advance(EMPTY, Position(1), "config.acl.acme.a", b"body")
    others = [
        advance(base, Position(1), "config.acl.acme.a", b"body"),
        advance(EMPTY, Position(2), "config.acl.acme.a", b"body"),
        advance(EMPTY, Position(1), "config.acl.acme.b", b"body"),
        advance(EMPTY, Position(1), "config.acl.acme.a", b"bodY"),
        advance(EMPTY, Position(1), "config.acl.acme.", b"a\0body"),
    ]
    assert len({base, *others}) == 6
