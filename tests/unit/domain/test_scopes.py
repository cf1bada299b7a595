"""What an API key may, and what it may hand on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.scopes import MAX_KEY_LIFE_S, Grant, Scope, check_expiry, check_made_by, known_scopes

NOW_S = 1_800_000_000
SCOPES = st.frozensets(st.sampled_from(sorted(Scope)))
ENDS = st.sampled_from([0, NOW_S + 10, NOW_S + 20])


def reason_of(maker: Grant, made: Grant) -> str:
    try:
        check_made_by(maker, known_scopes(made.scopes), made.expires_s)
    except Refusal as refusal:
        assert refusal.code is ErrorCode.PERMISSION_DENIED
        return refusal.reason
    return ""


@given(st.builds(Grant, SCOPES, ENDS), st.builds(Grant, SCOPES, ENDS))
def test_no_key_makes_one_that_may_more_or_longer(maker: Grant, made: Grant) -> None:
    is_within = all(maker.has(scope) for scope in Scope if made.has(scope))
    times = [NOW_S, NOW_S + 10, NOW_S + 20, NOW_S + 10**9]
    is_no_longer = all(made.is_over(time) for time in times if maker.is_over(time))
    assert (reason_of(maker, made) == "") == (is_within and is_no_longer)


def test_a_key_that_may_all_makes_any() -> None:
    assert reason_of(Grant(), Grant()) == ""
    assert reason_of(Grant(), Grant(frozenset({Scope.READ}), NOW_S)) == ""


def test_a_limited_key_does_not_make_one_without_scopes() -> None:
    assert reason_of(Grant(frozenset({Scope.READ, Scope.KEYS_WRITE})), Grant()) == "SCOPE_BEYOND_MAKER"


def test_scopes_are_listed_in_one_order_and_once() -> None:
    assert known_scopes(["keys:write", "read", "read"]) == ("read", "keys:write")
    with pytest.raises(Refusal, match="'root' is no scope"):
        known_scopes(["read", "root"])


@pytest.mark.parametrize(("expires_s", "is_fine"), [(0, True), (NOW_S, False), (NOW_S + 1, True), (NOW_S + MAX_KEY_LIFE_S + 1, False)])
def test_an_end_lies_in_the_future_and_not_too_far(expires_s: int, is_fine: bool) -> None:
    if is_fine:
        check_expiry(expires_s, NOW_S)
    else:
        with pytest.raises(Refusal, match="lies in the future"):
            check_expiry(expires_s, NOW_S)
