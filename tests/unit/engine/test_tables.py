"""Batches: what is refused, with its place, and that nothing of a refused batch is applied."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.engine import AccessTables
from trunkline.engine.tables import (
    RemoveAccount,
    RemoveAcl,
    RemoveAddress,
    RemoveAll,
    RemoveDomain,
    RotatingKey,
    SetAccount,
    SetAddress,
    SetDomain,
    SetGateway,
    SetNonceKeys,
    SetReason,
    SetTokenKeys,
    TableChange,
)

DOMAIN = SetDomain("acme.sip.example.com", "acme", "acme", ("acme/IN",))
ACCOUNT = SetAccount("acme/IN", "alice", bytes(16), bytes(32), bytes(32))
GATEWAY = SetGateway("g1", "alpha", "192.0.2.1", 5060, "udp", True)
KEY = RotatingKey(1, bytes(32), 0, 2**40, True)


def tables(*changes: TableChange) -> AccessTables:
    made = AccessTables(realm="sip.example.com")
    made.apply(changes, 1)
    return made


def outcome(made: AccessTables, source: str, username: str = "") -> tuple[str, str]:
    trace = made.explain(host="acme.sip.example.com", source=source, username=username, is_password_right=True)
    return trace.outcome, trace.reason


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (SetAddress("acme/IN", "192.0.2.1/24"), "cidr"),
        (SetAddress("acme/IN", "192.0.2.0/33"), "cidr"),
        (SetAddress("acme/IN", "everybody"), "cidr"),
        (SetAddress("", "192.0.2.0/24"), "acl"),
        (RemoveAddress("acme/IN", "x"), "cidr"),
        (replace(ACCOUNT, ha1_md5=bytes(15)), "ha1_md5"),
        (replace(ACCOUNT, ha1_sha256=b""), "ha1_md5, ha1_sha256"),
        (replace(ACCOUNT, username=""), "username"),
        (replace(ACCOUNT, username=7), "username"),  # type: ignore[arg-type]
        (replace(DOMAIN, host="ACME.sip.example.com"), "host"),
        (replace(DOMAIN, algorithms=()), "algorithms"),
        (replace(DOMAIN, algorithms=("MD5", "MD5")), "algorithms"),
        (replace(DOMAIN, algorithms=("MD4",)), "algorithms"),
        (replace(DOMAIN, challenge_status=403), "challenge_status"),
        (replace(GATEWAY, address="gateway.example.com"), "address"),
        (replace(GATEWAY, port=0), "port"),
        (replace(GATEWAY, transport="sctp"), "transport"),
        (SetNonceKeys((replace(KEY, key=bytes(31)),)), "key"),
        (SetNonceKeys((replace(KEY, key_id=-1),)), "key_id"),
        (SetTokenKeys((replace(KEY, key=bytes(33)),)), "key"),
        (SetReason("T203", 200, "Fine", 16), "status"),
        (SetReason("T203", 403, 'A "quoted" text', 21), "text"),
        (SetReason("T203", 403, "Two\r\nlines", 21), "text"),
        ("SetDomain", "str"),
    ],
)
def test_a_wrong_entry_is_named_and_nothing_of_its_batch_is_applied(change: TableChange, place: str) -> None:
    made = tables(DOMAIN)
    with pytest.raises(ValueError, match=rf"^entry 2 of the batch.*{place}"):
        made.apply([SetAddress("acme/IN", "192.0.2.0/24"), SetTokenKeys((KEY,)), change], 5)
    assert made.position == 1
    assert outcome(made, "192.0.2.1") == ("refuse", "T201")


def test_an_entry_replaces_the_one_before_and_removing_what_is_not_there_is_no_error() -> None:
    made = tables(DOMAIN, SetAddress("acme/IN", "192.0.2.0/24", "+311"), SetAddress("acme/IN", "192.0.2.0/24", "+312"))
    assert made.explain(host="acme.sip.example.com", source="192.0.2.1").address_caller_id == "+312"
    nothing: list[TableChange] = [
        RemoveDomain("none"),
        RemoveAcl("none"),
        RemoveAccount("none", "none"),
        RemoveAddress("acme/IN", "198.51.100.0/24"),
        RemoveAccount("acme/IN", "none"),
    ]
    made.apply(nothing, 9)
    assert made.position == 9
    assert outcome(made, "192.0.2.1") == ("admit", "")


def test_an_acl_that_is_removed_takes_its_entries_with_it() -> None:
    made = tables(DOMAIN, SetAddress("acme/IN", "192.0.2.0/24"), ACCOUNT)
    made.apply([RemoveAcl("acme/IN"), SetAddress("acme/IN", "198.51.100.0/24")], 2)
    assert outcome(made, "192.0.2.1") == ("refuse", "T203")
    assert outcome(made, "198.51.100.1") == ("admit", "")


def test_what_the_log_says_can_be_removed_at_once_and_bans_keys_and_reasons_stay() -> None:
    made = tables(DOMAIN, SetAddress("acme/IN", "192.0.2.0/24"), ACCOUNT, GATEWAY, SetNonceKeys((KEY,)), SetReason("T201", 404, "No", 1))
    made.apply([RemoveAll()], 2)
    assert outcome(made, "192.0.2.1") == ("refuse", "T201")
    assert made.issue_nonce(now_s=1.0, entropy=bytes(8))
    made.apply([DOMAIN], 3)
    assert outcome(made, "192.0.2.1", "alice") == ("refuse", "T201"), "its ACL was to be gone"
    assert made.position == 3


def test_an_account_whose_secret_cannot_be_read_keeps_its_half_and_admits_nobody() -> None:
    made = tables(DOMAIN, SetAddress("acme/IN", "192.0.2.0/24"), SetAccount("acme/IN", "alice", b"", b"", b""))
    assert outcome(made, "192.0.2.1") == ("challenge", "")
    assert outcome(made, "192.0.2.1", "alice") == ("refuse", "T905")
    assert outcome(made, "192.0.2.1", "bob") == ("refuse", "T204")


def test_the_host_is_compared_without_case_and_the_position_never_goes_back() -> None:
    made = tables(DOMAIN, SetAddress("acme/IN", "192.0.2.0/24"))
    made.apply([], 7)
    made.apply([], 3)
    assert made.position == 7
    assert made.explain(host="ACME.sip.Example.com.", source="192.0.2.1").outcome == "admit"


def test_without_a_nonce_key_nobody_can_be_challenged() -> None:
    made = tables(DOMAIN, ACCOUNT)
    trace = made.check(host="acme.sip.example.com", source="192.0.2.1", now_s=time.time())
    assert (trace.outcome, trace.reason) == ("refuse", "T904")
    with pytest.raises(ValueError, match="no nonce key is current"):
        made.issue_nonce(now_s=time.time(), entropy=bytes(8))


@pytest.mark.parametrize("source", ["", "host", "192.0.2.1:5060", "[::1]"])
def test_a_source_that_is_no_address_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="source"):
        tables().explain(host="x", source=source)


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 2**12 - 1), st.integers(20, 32)),
        max_size=120,
    ),
    st.integers(0, 2**12 - 1),
)
def test_any_history_of_prefixes_admits_like_a_plain_list_of_them(history: list[tuple[bool, int, int]], source: int) -> None:
    """Prefixes within 10.0.0.0/20, set and removed in any order, against a linear search."""
    made = tables(DOMAIN, SetAddress("acme/IN", "203.0.113.1/32"))
    listed: set[tuple[int, int]] = set()
    for is_set, address, length in history:
        network = address & ~((1 << (32 - length)) - 1)
        cidr = f"10.0.{network >> 8}.{network & 255}/{length}"
        made.apply([SetAddress("acme/IN", cidr) if is_set else RemoveAddress("acme/IN", cidr)], 2)
        (listed.add if is_set else listed.discard)((network, length))
    covering = [(length, network) for network, length in listed if source >> (32 - length) == network >> (32 - length)]
    trace = made.explain(host="acme.sip.example.com", source=f"10.0.{source >> 8}.{source & 255}")
    if covering:
        length, network = max(covering)
        assert (trace.outcome, trace.address) == ("admit", f"10.0.{network >> 8}.{network & 255}/{length}")
    else:
        assert (trace.outcome, trace.reason) == ("refuse", "T203")
