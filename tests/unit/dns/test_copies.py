from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dns.copies import Change, DriftKind, Held, Key, differences, sets_of
from trunkline.dns.dynamic_update import KeyProblem, read_key
from trunkline.dns.holders import is_ours
from trunkline.domain.dns_names import Naptr, RecordSet, Srv

REALM = "sip.example.com"
copies = st.dictionaries(
    st.tuples(st.sampled_from(("a", "b", "c")), st.sampled_from(("A", "SRV", "CNAME"))),
    st.builds(Held, st.sampled_from((30, 60)), st.frozensets(st.sampled_from(("1", "2")), min_size=1)),
)


@given(copies, copies)
def test_differences_lead_from_what_is_held_to_what_is_wanted(held: dict[Key, Held], wanted: dict[Key, Held]) -> None:
    changes = differences(held, wanted)
    mended = dict(held)
    for change in changes:
        assert mended.get(change.key) == change.held != change.wanted
        if change.wanted is None:
            del mended[change.key]
        else:
            mended[change.key] = change.wanted
    assert mended == wanted
    assert [change.wanted is None for change in changes] == sorted((change.wanted is None for change in changes), reverse=True)


def test_a_change_says_what_was_wrong() -> None:
    one, other = Held(30, frozenset("1")), Held(30, frozenset("2"))
    assert Change(("a", "A"), None, one).kind is DriftKind.MISSING
    assert Change(("a", "A"), one, other).kind is DriftKind.CHANGED
    assert Change(("a", "A"), one, None).kind is DriftKind.FOREIGN


def test_records_are_written_as_servers_give_them_back() -> None:
    sets = sets_of(
        [
            RecordSet("acme.sip.example.com", "NAPTR", 30, (Naptr(10, 10, "SIPS+D2T", "_sips._tcp.acme.sip.example.com"),)),
            RecordSet("_sip._udp.acme.sip.example.com", "SRV", 30, (Srv(10, 50, 5060, "eu1.sip.example.com"),)),
            RecordSet("eu1.sip.example.com", "AAAA", 30, ("2001:db8::1",)),
        ]
    )
    assert [record for held in sets.values() for record in held.records] == [
        '10 10 "s" "SIPS+D2T" "" _sips._tcp.acme.sip.example.com.',
        "10 50 5060 eu1.sip.example.com.",
        "2001:db8::1",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acme", True),
        ("_sip._udp.acme.eu1", True),
        ("intruder", True),
        ("www", False),
        ("a.www", False),
        ("ns1", False),
        ("_acme-challenge.acme", False),
    ],
)
def test_what_is_not_ours_is_left_alone(name: str, expected: bool) -> None:
    assert is_ours(f"{name}.{REALM}", REALM, frozenset({"www", "ns1"})) is expected
    assert not is_ours(REALM, REALM, frozenset()) and not is_ours("acme.example.org", REALM, frozenset())


def test_a_key_is_read_as_tsig_keygen_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text('key "trunkline" {\n\talgorithm hmac-sha256;\n\tsecret "c2VjcmV0IG9mIHRoaXMgdGVzdA==";\n};\n')
    key = read_key(path)
    assert (key.name.to_text(), key.algorithm.to_text(), key.secret) == ("trunkline.", "hmac-sha256.", b"secret of this test")


@pytest.mark.parametrize(
    "content", ["", "c2VjcmV0", 'key "x" { algorithm hmac-sha256; secret "a"; };', 'key "x..y" { algorithm a; secret "c2Vj"; };']
)
def test_a_file_without_a_key_says_what_to_do(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    with pytest.raises(KeyProblem, match=str(path)):
        read_key(path)
    with pytest.raises(KeyProblem, match="cannot be read"):
        read_key(tmp_path / "nowhere")
