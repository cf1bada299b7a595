"""The zone of the platform's realm as record sets of dnspython: SOA, NS, and what `trunkline.domain.dns_names` says of all other names.

Nothing is kept for a domain: whether it exists is asked of the replica at each question, so a new one resolves once its commit is folded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from trunkline.domain.dns_names import Naptr, NearestOf, RecordSet, Srv, Steering, find

NEGATIVE_TTL_S: Final = 30
"""How long "there is no such name" is believed (RFC 2308): a new customer's name works after it at the latest."""
APEX_TTL_S: Final = 3600
REFRESH_S, RETRY_S, EXPIRE_S = 60, 10, 604_800
"""For secondaries, of which there are none yet."""
SERIAL_MODULUS: Final = 1 << 32
RECORDS_KEPT: Final = 4096
"""Read once, used again: all of the POPs' and the NAPTR records of the domains that are asked for most."""

_CLASS: Final = dns.rdataclass.IN

Found = Mapping[dns.rdatatype.RdataType, dns.rrset.RRset]
"""All record sets at a name, by type; empty for a name that has none."""


@dataclass(frozen=True, slots=True)
class NameServer:
    """`label` is the name's below the realm."""

    label: str
    addresses: tuple[str, ...]


class Serial:
    """Of the SOA: the second since 1970 in which another one was wanted, or one more than the last. Positions alone would not do: points of
    presence go down and come back at one position. It grows over a restart too, which forgets the last one."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._last = 0
        self._position = -1
        self._steering: Steering | None = None

    def of(self, position: int, steering: Steering) -> int:
        """The same as before where both are, else a higher one."""
        if position != self._position or steering is not self._steering:
            self._position, self._steering = position, steering
            self._last = max(self._last + 1, int(self._now_s()))
        return self._last


class Zone:
    """`steering`, `nearest_of` and `position` tell what the replica holds at the time of a question. The SOA's serial moves when either of
    `steering` and `position` is another one than before."""

    def __init__(
        self,
        realm: str,
        servers: tuple[NameServer, ...],
        steering: Callable[[], Steering],
        nearest_of: NearestOf,
        position: Callable[[], int],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """`servers` is not empty, `now_s` seconds since 1970. dns.exception.DNSException for a realm that is no domain name."""
        self.origin = dns.name.from_text(realm)
        self._steering = steering
        self._nearest_of = nearest_of
        self._position = position
        self._serial = Serial(now_s)
        self._servers = {server.label: server for server in servers}
        names = [dns.name.from_text(server.label, self.origin) for server in servers]
        self._first_server = names[0]
        self._ns = dns.rrset.from_rdata_list(self.origin, APEX_TTL_S, [_rdata("NS", name.to_text()) for name in names])

    def holds(self, name: dns.name.Name) -> bool:
        """Whether the name is in this zone; it need not exist."""
        return name.is_subdomain(self.origin)

    def look_up(self, name: dns.name.Name) -> Found | None:
        """What stands at a name of this zone, which is compared without case; None where there is no such name."""
        labels = [_text(label) for label in name.relativize(self.origin).labels]
        if not labels:
            return {dns.rdatatype.SOA: self.soa(), dns.rdatatype.NS: self._ns}
        if len(labels) == 1 and labels[0] in self._servers:
            return self._addresses(name, self._servers[labels[0]].addresses)
        found = find(self._steering(), labels, self._nearest_of)
        return None if found is None else {dns.rdatatype.from_text(each.type): _rrset(each) for each in found}

    def soa(self) -> dns.rrset.RRset:
        """As it stands at the apex, and in answers that say that there is nothing."""
        serial = self._serial.of(self._position(), self._steering())
        soa = _rdata("SOA", _soa(self._first_server.to_text(), self.origin.to_text(), serial))
        return dns.rrset.from_rdata(self.origin, NEGATIVE_TTL_S, soa)

    def _addresses(self, name: dns.name.Name, addresses: tuple[str, ...]) -> Found:
        found: dict[dns.rdatatype.RdataType, dns.rrset.RRset] = {}
        for address in addresses:
            text = "A" if ip_address(address).version == 4 else "AAAA"
            kind = dns.rdatatype.from_text(text)
            found.setdefault(kind, dns.rrset.RRset(name, _CLASS, kind)).add(_rdata(text, address), APEX_TTL_S)
        return found


def head_of(realm: str, servers: Sequence[tuple[str, Sequence[str]]], serial: int) -> list[str]:
    """Lines of a zone file that stand before the rest: SOA, NS, and the addresses of the servers, given by labels below the realm."""
    lines = [f"{realm}. {NEGATIVE_TTL_S} IN SOA {_soa(f'{servers[0][0]}.{realm}.', f'{realm}.', serial)}"]
    for label, addresses in servers:
        lines.append(f"{realm}. {APEX_TTL_S} IN NS {label}.{realm}.")
        for address in addresses:
            lines.append(f"{label}.{realm}. {APEX_TTL_S} IN {'A' if ip_address(address).version == 4 else 'AAAA'} {address}")
    return lines


def _soa(server: str, origin: str, serial: int) -> str:
    return f"{server} hostmaster.{origin} {serial % SERIAL_MODULUS} {REFRESH_S} {RETRY_S} {EXPIRE_S} {NEGATIVE_TTL_S}"


def _text(label: bytes) -> str:
    """In lower case. A label that is not ASCII is no name of ours; it becomes another that is not either."""
    return label.decode("ascii", "replace").lower()


def _rrset(records: RecordSet) -> dns.rrset.RRset:
    rdatas = [_rdata(records.type, written(record)) for record in records.records]
    return dns.rrset.from_rdata_list(dns.name.from_text(records.name), records.ttl_s, rdatas)


def written(record: Naptr | Srv | str) -> str:
    """As zone files have it."""
    match record:
        case Naptr(order, preference, service, replacement):
            return f'{order} {preference} "s" "{service}" "" {replacement}.'
        case Srv(priority, weight, port, target):
            return f"{priority} {weight} {port} {target}."
        case str():
            return record


@lru_cache(maxsize=RECORDS_KEPT)
def _rdata(kind: str, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(_CLASS, dns.rdatatype.from_text(kind), text)
