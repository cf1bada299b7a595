"""Dynamic updates of an authoritative server: RFC 2136, signed by TSIG (RFC 8945), read back by zone transfer (RFC 5936).

Each message is applied whole or not at all. In the zone stands a TXT record, `MARKER`, with the position of the log by which it was last
written; every message demands that it is still the one that was read, so that of two that write only one does, and a replica that is behind
never takes back what another has written.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone

from trunkline.dns.copies import TYPES, Change, Copy, Held, Key, Sets
from trunkline.dns.holders import HolderProblem, Overtaken, is_ours
from trunkline.domain.events import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER: Final = "_trunkline"
"""Below the realm; the text is `position=N`."""
MARKER_TTL_S: Final = 30
EXCHANGE_LIMIT_S: Final = 10.0
"""For one update, or between two messages of a transfer."""
TRANSFER_LIMIT_S: Final = 60.0
BATCH: Final = 100
"""Record sets in one message, which has 64 KiB: that many with four SRV records each take less than half of it."""
KEY_FILE_LIMIT_BYTES: Final = 4096

_KEY: Final = re.compile(
    r'key\s+"?(?P<name>[^"\s{]+)"?\s*\{\s*algorithm\s+"?(?P<algorithm>[a-zA-Z0-9.-]+)"?\s*;\s*secret\s+"(?P<secret>[A-Za-z0-9+/=\s]+)"\s*;'
)


class KeyProblem(ValueError):
    """The file holds no key."""


def read_key(path: Path) -> dns.tsig.Key:
    """A key as `tsig-keygen` writes it and BIND includes it. Raises KeyProblem."""
    try:
        with path.open(encoding="ascii") as file:
            found = _KEY.search(file.read(KEY_FILE_LIMIT_BYTES))
    except (OSError, ValueError) as error:
        raise KeyProblem(f"{path} cannot be read: {error}") from error
    if found is None:
        raise KeyProblem(f'{path} has no `key "NAME" {{ algorithm …; secret "…"; }};`: write it with tsig-keygen')
    try:
        return dns.tsig.Key(dns.name.from_text(found["name"]), found["secret"], dns.name.from_text(found["algorithm"]))
    except (dns.exception.DNSException, ValueError) as error:
        raise KeyProblem(f"{path}: the key {found['name']} is damaged: {error}") from error


class DynamicUpdate:
    """The Holder of one primary server. Its exchanges run in a thread: a transfer of a large zone is long work for Python."""

    def __init__(self, server: str, key: dns.tsig.Key, realm: str, kept: frozenset[str]) -> None:
        """`server` is `ADDRESS:PORT`; `kept` are labels below the realm that are left alone."""
        host, _, port = server.rpartition(":")
        self._host, self._port = str(ip_address(host.strip("[]"))), int(port)
        self._key = key
        self._realm = realm
        self._kept = kept
        self._origin = dns.name.from_text(realm)
        self._marker = dns.name.from_text(MARKER, self._origin)

    @property
    def name(self) -> str:
        return f"rfc2136 {self._host}:{self._port}"

    async def read(self) -> Copy:
        return await asyncio.to_thread(self._read)

    async def write(self, changes: Sequence[Change], wanted: Sets, before: Position | None, position: Position) -> None:
        for start in range(0, len(changes), BATCH):
            await asyncio.to_thread(self._update, changes[start : start + BATCH], before, position)
            before = position

    def _read(self) -> Copy:
        zone = dns.zone.Zone(self._origin, relativize=False)
        with self._exchange("the zone cannot be read", "allow-transfer for the key, and the zone itself"):
            query, _ = dns.xfr.make_query(zone, keyring=self._key)
            dns.query.inbound_xfr(self._host, zone, query, port=self._port, timeout=EXCHANGE_LIMIT_S, lifetime=TRANSFER_LIMIT_S)
        return copy_of(zone, self._realm, self._kept)

    def _update(self, changes: Sequence[Change], before: Position | None, position: Position) -> None:
        update = dns.update.UpdateMessage(self._origin, keyring=self._key)
        if before is None:
            update.absent(self._marker, "TXT")
        else:
            update.present(self._marker, "TXT", _marker_text(before))
        for change in changes:
            name = dns.name.from_text(change.key[0])
            if change.wanted is None:
                update.delete(name, change.key[1])
            else:
                update.replace(name, change.wanted.ttl_s, change.key[1], *sorted(change.wanted.records))
        update.replace(self._marker, MARKER_TTL_S, "TXT", _marker_text(position))
        with self._exchange("the zone cannot be changed", "allow-update (or update-policy) for the key"):
            rcode = dns.query.tcp(update, self._host, port=self._port, timeout=EXCHANGE_LIMIT_S).rcode()
        if rcode in (dns.rcode.NXRRSET, dns.rcode.YXRRSET):
            raise Overtaken(f"{self.name} was written by another since it was read")
        if rcode != dns.rcode.NOERROR:
            why = dns.rcode.to_text(rcode)
            raise HolderProblem(
                f"{self.name} refuses to change the zone {self._realm}: {why}. See to allow-update (or update-policy) there"
            )

    @contextmanager
    def _exchange(self, what: str, remedy: str) -> Iterator[None]:
        try:
            yield
        except (dns.exception.DNSException, OSError, EOFError) as error:
            why = str(error) or type(error).__name__
            raise HolderProblem(f"{self.name}: {what}: {why}. See to {remedy} there") from error


def copy_of(zone: dns.zone.Zone, realm: str, kept: frozenset[str]) -> Copy:
    """What is ours in a zone whose names are absolute. Raises HolderProblem."""
    marker = dns.name.from_text(MARKER, dns.name.from_text(realm))
    position: Position | None = None
    sets: dict[Key, Held] = {}
    for owner, rdataset in zone.iterate_rdatasets():
        kind = dns.rdatatype.to_text(rdataset.rdtype)
        if owner == marker and kind == "TXT":
            position = _position(rdataset[0].to_text())
        name = owner.to_text(omit_final_dot=True).lower()
        if kind in TYPES and is_ours(name, realm, kept):
            sets[name, kind] = Held(rdataset.ttl, frozenset(record.to_text() for record in rdataset))
    return Copy(position, sets)


def _marker_text(position: Position) -> str:
    return f'"position={position}"'


def _position(text: str) -> Position:
    """Raises HolderProblem for a marker that is not of ours."""
    number = text.strip('"').removeprefix("position=")
    if not (number.isascii() and number.isdigit() and len(number) < 20):
        raise HolderProblem(f"the TXT record {MARKER} says {text[:64]}, which nobody of us has written. Remove it there")
    return Position(int(number))
