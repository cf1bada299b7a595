import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dns.responder import UDP_LIMIT, UDP_LIMIT_PLAIN, answer
from trunkline.dns.zone import NameServer, Zone
from trunkline.domain.dns_names import Policy, PopSite, steer
from trunkline.domain.pop_states import PopState

REALM = "sip.example.com"
POPS = [
    PopSite("eu1", "eu", ("192.0.2.1", "2001:db8::1")),
    PopSite("eu2", "eu", ("192.0.2.2",)),
    PopSite("us1", "us", ("192.0.2.3",)),
]


def zone_of(*pops: PopSite, now_s: float = 7.0) -> Zone:
    servers = (NameServer("ns1", ("192.0.2.53",)),)
    steering = steer(REALM, pops or POPS, {}, Policy("eu"))
    return Zone(REALM, servers, lambda: steering, {"acme": ""}.get, lambda: 1, lambda: now_s)


ZONE = zone_of()


def asked(query: dns.message.Message, zone: Zone = ZONE, *, is_udp: bool = True) -> dns.message.Message:
    wire = answer(query.to_wire(), zone, is_udp=is_udp)
    assert wire is not None
    if is_udp:
        assert len(wire) <= (UDP_LIMIT if query.edns >= 0 else UDP_LIMIT_PLAIN)
    response = dns.message.from_wire(wire)
    assert query.is_response(response) or query.edns > 0
    return response


def ask(name: str, kind: str, zone: Zone = ZONE, *, is_udp: bool = True) -> dns.message.Message:
    return asked(dns.message.make_query(name, kind), zone, is_udp=is_udp)


def texts(response: dns.message.Message) -> list[str]:
    return sorted(record.to_text() for rrset in response.answer for record in rrset)


def test_a_name_is_answered_with_authority_and_without_recursion() -> None:
    response = ask(f"acme.{REALM}", "A")
    assert texts(response) == ["192.0.2.1", "192.0.2.2"]
    assert response.flags & dns.flags.AA and not response.flags & dns.flags.RA
    assert response.answer[0].ttl == 30


def test_services_come_with_the_addresses_of_their_targets() -> None:
    response = ask(f"_sip._udp.acme.{REALM}", "SRV")
    assert texts(response)[0] == f"10 50 5060 eu1.{REALM}."
    glue = {(rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype)) for rrset in response.additional}
    assert glue == {(f"eu1.{REALM}.", "A"), (f"eu1.{REALM}.", "AAAA"), (f"eu2.{REALM}.", "A"), (f"us1.{REALM}.", "A")}


def test_naptr_names_the_services() -> None:
    assert texts(ask(f"acme.us1.{REALM}", "NAPTR")) == [f'30 10 "s" "SIP+D2U" "" _sip._udp.acme.us1.{REALM}.']


def test_the_zone_names_its_server() -> None:
    ns = ask(REALM, "NS")
    assert texts(ns) == [f"ns1.{REALM}."] and ns.additional[0].name.to_text() == f"ns1.{REALM}."
    assert texts(ask(f"ns1.{REALM}", "A")) == ["192.0.2.53"]
    assert texts(ask(REALM, "SOA", zone_of(now_s=(1 << 32) + 9.5))) == [f"ns1.{REALM}. hostmaster.{REALM}. 9 60 10 604800 30"]


def test_the_serial_moves_when_what_is_answered_does_and_then_only() -> None:
    states: dict[str, PopState] = {}
    now_s, position, steering = 1000.0, 7, steer(REALM, POPS, states, Policy("eu"))
    zone = Zone(REALM, (NameServer("ns1", ()),), lambda: steering, {"acme": ""}.get, lambda: position, lambda: now_s)

    def serial() -> int:
        return int(texts(ask(REALM, "SOA", zone))[0].split()[2])

    assert serial() == serial() == 1000
    position += 1
    assert serial() == 1001, "in the same second"
    now_s = 2000.0
    assert serial() == 1001
    steering = steer(REALM, POPS, {"eu1": PopState.DOWN}, Policy("eu"))
    assert serial() == serial() == 2000
    now_s = 1500.0
    steering = steer(REALM, POPS, states, Policy("eu"))
    assert serial() == 2001, "though the clock was set back"


def test_a_name_that_does_not_exist_is_told_from_one_without_such_records() -> None:
    missing, empty, between = ask(f"other.{REALM}", "A"), ask(f"acme.{REALM}", "TXT"), ask(f"_udp.acme.{REALM}", "A")
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert empty.rcode() == between.rcode() == dns.rcode.NOERROR
    for response in (missing, empty, between):
        assert not response.answer
        assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in response.authority] == ["SOA"]
        assert response.authority[0].ttl == 30
        assert response.flags & dns.flags.AA


@pytest.mark.parametrize(("name", "kind"), [("example.com", "A"), ("sip.example.org", "A"), (".", "NS"), (REALM, "AXFR")])
def test_what_is_not_ours_to_say_is_refused(name: str, kind: str) -> None:
    response = ask(name, kind)
    assert response.rcode() == dns.rcode.REFUSED
    assert not response.flags & dns.flags.AA and not response.answer and not response.authority


def test_another_class_is_refused() -> None:
    assert asked(dns.message.make_query(f"acme.{REALM}", "A", "CH")).rcode() == dns.rcode.REFUSED


def test_case_makes_no_difference_and_comes_back_as_it_came() -> None:
    """Resolvers send names in random case and drop answers whose question is not the same to the byte (draft-vixie-dnsext-dns0x20)."""
    query = dns.message.make_query(f"aCmE.eU1.{REALM.upper()}", "A")
    wire = query.to_wire()
    answered = answer(wire, ZONE, is_udp=True)
    assert answered is not None
    question = slice(12, 12 + len(dns.name.from_text(f"aCmE.eU1.{REALM.upper()}").to_wire() or b"") + 4)
    assert answered[question] == wire[question]
    assert texts(dns.message.from_wire(answered)) == ["192.0.2.1"]


def test_addresses_are_turned_from_query_to_query() -> None:
    firsts = set()
    for number in range(64):
        query = dns.message.make_query(f"acme.{REALM}", "A", id=number)
        firsts.add(asked(query).answer[0][0].to_text())
    assert firsts == {"192.0.2.1", "192.0.2.2"}


def test_any_is_answered_with_one_record_set() -> None:
    response = ask(f"acme.{REALM}", "ANY")
    assert len(response.answer) == 1 and response.rcode() == dns.rcode.NOERROR


def long_names() -> Zone:
    return zone_of(*(PopSite("e" + "x" * 30 + str(number), "eu", (f"192.0.2.{number}", f"2001:db8::{number}")) for number in range(1, 9)))


def test_addresses_that_do_not_fit_are_left_out_and_nothing_is_called_truncated() -> None:
    response = asked(dns.message.make_query(f"_sip._udp.acme.{REALM}", "SRV", use_edns=False), long_names())
    assert len(response.answer[0]) == 4 and not response.additional
    assert not response.flags & dns.flags.TC


def test_an_answer_that_does_not_fit_is_truncated_and_whole_over_tcp() -> None:
    servers = tuple(NameServer("ns" + "x" * 50 + str(number), ("192.0.2.53",)) for number in range(9))
    steering = steer(REALM, POPS, {}, Policy("eu"))
    zone = Zone(REALM, servers, lambda: steering, {"acme": ""}.get, lambda: 1)
    query = dns.message.make_query(REALM, "NS", use_edns=False)
    cut = asked(query, zone)
    assert cut.flags & dns.flags.TC and not cut.answer
    whole = asked(query, zone, is_udp=False)
    assert len(whole.answer[0]) == 9 and not whole.flags & dns.flags.TC
    with_edns = asked(dns.message.make_query(REALM, "NS", use_edns=0, payload=4096), zone)
    assert len(with_edns.answer[0]) == 9 and with_edns.payload == UDP_LIMIT


def test_an_unknown_version_of_edns_is_named() -> None:
    response = asked(dns.message.make_query(f"acme.{REALM}", "A", use_edns=1))
    assert response.rcode() == dns.rcode.BADVERS and response.edns == 0 and not response.answer


def test_unknown_options_of_edns_are_ignored() -> None:
    query = dns.message.make_query(f"acme.{REALM}", "A", use_edns=0, options=[dns.edns.GenericOption(65001, b"x")])
    assert asked(query).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("opcode", [dns.opcode.IQUERY, dns.opcode.STATUS, dns.opcode.NOTIFY, dns.opcode.UPDATE])
def test_other_operations_are_not_implemented(opcode: dns.opcode.Opcode) -> None:
    query = dns.message.make_query(f"acme.{REALM}", "A")
    query.set_opcode(opcode)
    wire = bytearray(answer(query.to_wire(), ZONE, is_udp=True) or b"")
    assert wire[:2] == query.id.to_bytes(2, "big")
    assert (wire[2] >> 3) & 0xF == opcode and wire[3] == dns.rcode.NOTIMP


@pytest.mark.parametrize("body", [b"", b"\x00\x01", b"\xff" * 40])
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    wire = answer(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + body, ZONE, is_udp=True)
    assert wire == b"\x12\x34\x81\x01" + bytes(8)


def test_a_query_has_one_question() -> None:
    none = b"\x12\x34\x00\x00" + bytes(8)
    question = dns.message.make_query(f"acme.{REALM}", "A").to_wire()[12:]
    two = b"\x12\x34\x00\x00\x00\x02" + bytes(6) + question + question
    for wire in (none, two):
        answered = answer(wire, ZONE, is_udp=True)
        assert answered is not None and answered[3] == dns.rcode.FORMERR


def test_answers_and_scraps_are_not_answered() -> None:
    assert answer(dns.message.make_response(dns.message.make_query(REALM, "A")).to_wire(), ZONE, is_udp=True) is None
    assert answer(b"\x12\x34\x00", ZONE, is_udp=True) is None


@given(st.binary(max_size=80), st.data())
def test_no_bytes_whatever_make_it_fail(noise: bytes, data: st.DataObject) -> None:
    wire = bytearray(dns.message.make_query(f"_sip._udp.acme.{REALM}", "SRV", use_edns=0).to_wire())
    for _ in range(data.draw(st.integers(0, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    for each in (noise, bytes(wire), bytes(wire) + noise, bytes(wire[: len(noise)])):
        for is_udp in (True, False):
            answered = answer(each, ZONE, is_udp=is_udp)
            if answered is not None:
                assert answered[:2] == each[:2] and answered[2] & 0x80
                assert dns.message.from_wire(answered).rcode() != dns.rcode.SERVFAIL
