"""What the name server is told besides what every service is."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trunkline.domain.dns_names import Door, PopSite, door_label
from trunkline.runtime.settings import ListenAddress, Name, ServiceSettings, Settings


def _ip_literal(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address, such as 192.0.2.1 or 2001:db8::1") from None


Address = Annotated[str, AfterValidator(_ip_literal)]
Port = Annotated[int, Field(ge=1, le=65_535)]


class PopSettings(Settings):
    """A point of presence as clients reach it. `address6` is a second address, of IPv6; `transports` are served on 5060, TLS on 5061, at
    `address6` on `ports6` where they are given: for UDP and TCP, and for TLS."""

    name: Name
    region: Name
    address: Address
    address6: Address | None = None
    ports6: tuple[Port, Port] | None = None
    transports: tuple[Literal["udp", "tcp", "tls"], ...] = Field(min_length=1, max_length=3)

    @model_validator(mode="after")
    def _ports_are_of_an_address(self) -> Self:
        if self.ports6 is not None and self.address6 is None:
            raise ValueError(f"ports6 of {self.name}: address6 must be given too, they are its ports")
        return self

    @property
    def site(self) -> PopSite:
        if self.address6 is not None and self.ports6 is not None:
            return PopSite(self.name, self.region, (self.address,), tuple(self.transports), Door(self.address6, *self.ports6))
        addresses = (self.address, *([self.address6] if self.address6 is not None else []))
        return PopSite(self.name, self.region, addresses, tuple(self.transports))


class NameServerSettings(Settings):
    """A server of the zone: `name` is a label below the realm (`ns1`), `addresses` where it is reached."""

    name: Name
    addresses: tuple[Address, ...] = Field(min_length=1, max_length=4)


class UpdateSettings(Settings):
    """A primary server that is told by dynamic updates (RFC 2136): `server` is `ADDRESS:PORT`, `key_file` the TSIG key as `tsig-keygen`
    writes it, `kept` labels below the realm that are left alone there, besides the name servers'."""

    server: ListenAddress
    key_file: Path
    kept: tuple[str, ...] = Field(default=(), max_length=256)


class ZoneFileSettings(Settings):
    """The zone as a file; `reload` is a command, in words, that is run when it was written."""

    path: Path
    reload: tuple[str, ...] = Field(default=(), max_length=32)


class DnsSettings(ServiceSettings):
    """Where the zone is held: answered by the process itself at `dns_listen` (`ADDRESS:PORT` for UDP and TCP), in the servers of `updates`,
    in `zone_file`; at least one of these. `pops` are all points of presence; `home` is the region that default names lead to first.
    `name_servers` stand in the zone's NS records; with none it is `ns1` at `dns_listen`. Holders are compared with what they should hold
    every `compare_every_s`. `pop_log_regions` are those with dns services, which keep the changes of points of presence; this one's own
    where nothing is said."""

    dns_listen: ListenAddress | None = None
    updates: tuple[UpdateSettings, ...] = Field(default=(), max_length=8)
    zone_file: ZoneFileSettings | None = None
    compare_every_s: float = Field(default=60.0, ge=1.0, le=3600.0)
    pops: tuple[PopSettings, ...] = Field(min_length=1, max_length=256)
    name_servers: tuple[NameServerSettings, ...] = Field(default=(), max_length=8)
    pop_log_regions: tuple[Name, ...] = Field(default=(), max_length=16)
    ttl_s: int = Field(default=30, ge=1, le=86_400)

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> Self:
        names = (
            [pop.name for pop in self.pops]
            + [door_label(pop.name) for pop in self.pops if pop.ports6]
            + [server.name for server in self.name_servers]
        )
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"pops, name_servers: the name {name!r} stands there twice")
        if self.listen_pair is None and not self.updates and self.zone_file is None:
            raise ValueError("dns_listen, updates, zone_file: one of them must be given, or nobody would answer")
        if not self.name_servers and (self.listen_pair is None or ip_address(self.listen_pair[0]).is_unspecified):
            raise ValueError(f"name_servers: must be given where dns_listen is {self.dns_listen}: the zone cannot name that address")
        return self

    @property
    def listen_pair(self) -> tuple[str, int] | None:
        """`dns_listen` without brackets, and the port."""
        if self.dns_listen is None:
            return None
        host, _, port = self.dns_listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    @property
    def served_by(self) -> tuple[NameServerSettings, ...]:
        if self.name_servers or self.listen_pair is None:
            return self.name_servers
        return (NameServerSettings(name="ns1", addresses=(self.listen_pair[0],)),)
