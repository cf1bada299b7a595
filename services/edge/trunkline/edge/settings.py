"""What one SIP edge is told."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from trunkline.runtime.settings import ListenAddress, Name, ServiceSettings, Settings

DAY_S = 86_400
TRANSPORTS = ("udp", "tcp", "tls")


def _sip_listen(value: str) -> str:
    _split(value)
    return value


def _split(value: str) -> tuple[str, int, str]:
    address, slash, transport = value.partition("/")
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ip_address(host)
        is_address = bool(colon) and port.isdigit() and int(port) <= 65_535
    except ValueError:
        is_address = False
    if not is_address or (slash and transport not in TRANSPORTS):
        raise ValueError(f"{value!r} is not IP:PORT or IP:PORT/TRANSPORT, such as 192.0.2.1:5060/tcp or [2001:db8::1]:5061/tls")
    return host, int(port), transport or "udp"


SipListen = Annotated[str, AfterValidator(_sip_listen)]
"""`192.0.2.1:5060/tcp`; `udp`, `tcp` or `tls`, UDP where nothing is said. Port 0 takes a free one."""


class CertificateSettings(Settings):
    """PEM files: the certificate and those that lead to its authority, leaf first, and the key. It is shown to clients that ask for one of
    the certificate's own names."""

    cert_file: Path
    key_file: Path


class CarrierTlsSettings(Settings):
    """How gateways are met over TLS: from whom their certificates must come, and what is shown to those who ask for one (mutual TLS)."""

    roots_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file: both or none")
        return self


class ConnectionSettings(Settings):
    """Bounds on connections over TCP and TLS: how many in all and from one source, how long the first message and any begun message may
    take, and how long nothing may pass."""

    in_all: int = Field(default=10_000, ge=1, le=1_000_000)
    from_one_source: int = Field(default=256, ge=1, le=1_000_000)
    message_ms: int = Field(default=10_000, ge=100, le=600_000)
    idle_ms: int = Field(default=3_600_000, ge=1_000, le=7 * DAY_S * 1000)


class RateSettings(Settings):
    """Datagrams of one source that are looked at: a second, and at once after a pause. A connection and each message on it is one too, a
    handshake of TLS is 16."""

    per_s: int = Field(ge=1, le=1_000_000)
    burst: int = Field(ge=16, le=10_000_000)


class ObservedPop(Settings):
    """Another point of presence, and where its customers reach it, `IP:PORT`: `address` over UDP, `tcp` and `tls` where it serves those and
    they are to be looked at."""

    name: Name
    address: SipListen
    tcp: SipListen | None = None
    tls: SipListen | None = None

    @property
    def pair(self) -> tuple[str, int]:
        return _split(self.address)[:2]


class EdgeSettings(ServiceSettings):
    """`name` is the edge's own, unique over all POPs: records and message ids carry it.

    `listen` are the addresses of the POP by transport, `other_pops` the other points of presence, whose bound names are not served here.
    `observed` are those of them that this edge looks at. `edges` is how many there are at all points of presence, with those that wait for
    another's addresses: they share the limits. 0: one at each point of presence, two where they share addresses.
    The first of `certificates` is for clients that ask for a name that none has; their files, and those of `carrier_tls`, are looked at
    every `certificates_check_s` and read again when they changed.
    `workers` are threads that move SIP messages, each with sockets of its own on the same addresses; one is good for several thousand calls
    a second. Of the bounds on connections the one in all is shared out between them.
    A source may send `known_rate` when an ACL or a gateway has its address, or a call of it was admitted within 15 minutes, and
    `stranger_rate` else: no less than a softphone behind a company's NAT needs, no more than a scanner may cost.
    `ban_regions` are those with auth services, whose bans are enforced.
    `auth_addresses` and `routing_addresses` are gRPC `ADDRESS:PORT`, the nearest first. The keys that auth gave are kept on disk, sealed,
    for `keys_lifetime_s` after the last fetch: so long the edge authenticates with auth gone.
    Each gateway is sent an OPTIONS about every `gateway_options_s`, more often while it is in doubt; without an answer within
    `gateway_options_timeout_s` it has kept silent.
    `shares_addresses`: another edge of the point of presence has the same `listen`; who has the addresses serves, the other waits for them.
    SIP messages of refused and failed calls are captured, at most `capture_per_s` (0: none at all), and beside them half as many of one
    other call in `capture_one_in` (0: none) and of each call to one of `capture_domains` (labels); tenants share both.
    A point of presence that is drained takes new calls for `drain_grace_s` after the command: what DNS said may be believed for its TTL of
    30 s, and calls are being set up.
    """

    pop: Name
    listen: tuple[SipListen, ...] = Field(min_length=1, max_length=16)
    auth_addresses: tuple[ListenAddress, ...] = Field(min_length=1, max_length=16)
    routing_addresses: tuple[ListenAddress, ...] = Field(default=(), max_length=16)
    ban_regions: tuple[Name, ...] = Field(default=(), max_length=16)
    other_pops: tuple[Name, ...] = Field(default=(), max_length=256)
    edges: int = Field(default=0, ge=0, le=512)
    observed: tuple[ObservedPop, ...] = Field(default=(), max_length=32)
    certificates: tuple[CertificateSettings, ...] = Field(default=(), max_length=1000)
    carrier_tls: CarrierTlsSettings | None = None
    certificates_check_s: float = Field(default=2.0, ge=0.05, le=3600)
    connections: ConnectionSettings = ConnectionSettings()
    stranger_rate: RateSettings = RateSettings(per_s=400, burst=800)
    known_rate: RateSettings = RateSettings(per_s=50_000, burst=50_000)
    workers: int = Field(default=1, ge=1, le=16)
    journal_dir: Path | None = None
    keys_refresh_s: float = Field(default=60.0, ge=1, le=3600)
    keys_lifetime_s: float = Field(default=float(DAY_S), ge=60, le=30 * DAY_S)
    timer_t1_ms: int = Field(default=500, ge=50, le=5000)
    silent_gateway_ms: int = Field(default=3000, ge=100, le=32_000)
    all_silent_ms: int = Field(default=8000, ge=100, le=64_000)
    shares_addresses: bool = False
    drain_grace_s: float = Field(default=90.0, ge=0, le=3600)
    gateway_options_s: float = Field(default=10.0, ge=0.1, le=3600)
    gateway_options_timeout_s: float = Field(default=2.0, ge=0.1, le=30)
    capture_per_s: int = Field(default=200, ge=0, le=10_000)
    capture_one_in: int = Field(default=0, ge=0, le=2**31)
    capture_domains: tuple[str, ...] = Field(default=(), max_length=1000)
    decision_limit_ms: int = Field(default=2000, ge=10, le=30_000)

    @model_validator(mode="after")
    def _tls_has_a_certificate(self) -> Self:
        if not self.certificates and any(transport == "tls" for _, _, transport in self.listeners):
            raise ValueError("certificates: at least one is needed to listen with TLS")
        return self

    @property
    def edges_in_all(self) -> int:
        return self.edges or (1 + len(self.other_pops)) * (2 if self.shares_addresses else 1)

    @property
    def journal_path(self) -> Path:
        """Where the engine writes its journal: `journal_dir`, by default in the state folder."""
        return self.journal_dir or self.state_dir / "journal"

    @property
    def observed_streams(self) -> dict[str, dict[str, tuple[str, int]]]:
        """Addresses of `observed` by transport and point of presence, UDP's left out."""
        wanted = {"tcp": {pop.name: pop.tcp for pop in self.observed}, "tls": {pop.name: pop.tls for pop in self.observed}}
        return {
            transport: {name: _split(address)[:2] for name, address in addresses.items() if address is not None}
            for transport, addresses in wanted.items()
        }

    @property
    def looks_from(self) -> dict[bool, str]:
        """Of `listen`, the first address of each family, by whether it is of IPv6."""
        return {":" in host: host for host, _, _ in reversed(self.listeners)}

    @property
    def listeners(self) -> list[tuple[str, int, str]]:
        """`listen` as the engine takes it: address without brackets, port, transport."""
        return [_split(address) for address in self.listen]
