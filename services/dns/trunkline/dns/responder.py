"""From a DNS query to its answer, both as bytes: RFC 1034, 1035, 2181, 2308, 4343, 6891, 8020, 8482. No I/O.

Authoritative for one zone, no recursion. Names outside of it are refused. Left out: zone transfer, updates, DNSSEC, cookies.

It never answers SERVFAIL: there are SIP stacks that end on it. What it cannot read it calls malformed; a fault of ours raises, and the
shell drops the query, which a client treats as a lost datagram.
"""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from trunkline.dns.zone import Found, Zone

HEADER_BYTES = 12
UDP_LIMIT_PLAIN = 512
"""Without EDNS (RFC 1035 §4.2.1)."""
UDP_LIMIT = 1232
"""With EDNS: what passes every path without fragments (DNS flag day 2020)."""
TCP_LIMIT = 65_535
EDNS_VERSION = 0

_QR = 0x80
_TRANSFERS = frozenset({dns.rdatatype.AXFR, dns.rdatatype.IXFR})
_META_TYPES = range(128, 255)
"""Question types that are no record types (RFC 6895 §3.1), ANY (255) apart."""


def answer(wire: bytes, zone: Zone, *, is_udp: bool) -> bytes | None:
    """None for what is not answered at all: something too short for a header, and answers (two servers would talk for ever)."""
    if len(wire) < HEADER_BYTES or wire[2] & _QR:
        return None
    if (wire[2] >> 3) & 0xF != dns.opcode.QUERY:
        return _header_only(wire, dns.rcode.NOTIMP)
    try:
        query = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        return _header_only(wire, dns.rcode.FORMERR)
    if len(query.question) != 1 or query.answer or query.authority:
        return _header_only(wire, dns.rcode.FORMERR)
    response = dns.message.make_response(query, our_payload=UDP_LIMIT)
    if query.edns > EDNS_VERSION:
        response.set_rcode(dns.rcode.BADVERS)
    else:
        _fill(response, query.question[0], zone)
    return _to_wire(response, _limit(query) if is_udp else TCP_LIMIT)


def _fill(response: dns.message.Message, question: dns.rrset.RRset, zone: Zone) -> None:
    name, kind = question.name, question.rdtype
    if question.rdclass != dns.rdataclass.IN or not zone.holds(name) or kind in _TRANSFERS:
        response.set_rcode(dns.rcode.REFUSED)
        return
    if kind in _META_TYPES:
        response.set_rcode(dns.rcode.NOTIMP)
        return
    response.flags |= dns.flags.AA
    found = zone.look_up(name)
    if found is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(zone.soa())
        return
    if kind == dns.rdatatype.ANY:
        # One record set stands for all (RFC 8482): whole answers to ANY are what amplifiers are made of.
        kind = next(iter(found), kind)
    if kind not in found:
        response.authority.append(zone.soa())
        return
    # Many a client takes the first address only: dnspython writes the records of a set in another order each time.
    response.answer.append(found[kind])
    response.additional.extend(_glue(found[kind], zone))


def _glue(rrset: dns.rrset.RRset, zone: Zone) -> list[dns.rrset.RRset]:
    """Addresses of the targets of SRV and NS records, which spare the client a question each."""
    if rrset.rdtype not in (dns.rdatatype.SRV, dns.rdatatype.NS):
        return []
    glue: list[dns.rrset.RRset] = []
    for record in rrset:
        target: dns.name.Name = record.target
        found: Found = zone.look_up(target) or {}
        glue += [found[kind] for kind in (dns.rdatatype.A, dns.rdatatype.AAAA) if kind in found]
    return glue


def _limit(query: dns.message.Message) -> int:
    return UDP_LIMIT_PLAIN if query.edns < 0 else min(max(query.payload, UDP_LIMIT_PLAIN), UDP_LIMIT)


def _to_wire(response: dns.message.Message, limit: int) -> bytes:
    """Whole, or without the addresses that nobody asked for (RFC 2181 §9), or empty with TC: the client comes back over TCP."""
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        response.additional.clear()
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        response.answer.clear()
        response.authority.clear()
        response.flags |= dns.flags.TC
        return response.to_wire(max_size=limit)


def _header_only(wire: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """Where the rest cannot be read or is not understood: id, opcode and RD as they came, all counts 0."""
    return wire[:2] + bytes((_QR | wire[2] & 0x79, rcode)) + bytes(8)
