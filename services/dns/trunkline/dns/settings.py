"""What the name server is told besides what every service is."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trunkline.domain.dns_names import PopSite
from trunkline.runtime.settings import ListenAddress, Name, ServiceSettings, Settings


def _ip_literal(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address, such as 192.0.2.1 or 2001:db8::1") from None


Address = Annotated[str, AfterValidator(_ip_literal)]


class PopSettings(Settings):
    """A point of presence as clients reach it. `address6` is a second address, of IPv6; `transports` are served on 5060, TLS on 5061."""

    name: Name
    region: Name
    address: Address
    address6: Address | None = None
    transports: tuple[Literal["udp", "tcp", "tls"], ...] = Field(min_length=1, max_length=3)

    @property
    def site(self) -> PopSite:
        return PopSite(
            self.name, self.region, (self.address, *([self.address6] if self.address6 is not None else [])), tuple(self.transports)
        )


class NameServerSettings(Settings):
    """A server of the zone: `name` is a label below the realm (`ns1`), `addresses` where it is reached."""

    name: Name
    addresses: tuple[Address, ...] = Field(min_length=1, max_length=4)


class DnsSettings(ServiceSettings):
    """`dns_listen` is `ADDRESS:PORT` for UDP and TCP. `pops` are all points of presence; `home` is the region that default names lead to
    first. `name_servers` stand in the zone's NS records; with none it is `ns1` at `dns_listen`."""

    dns_listen: ListenAddress
    pops: tuple[PopSettings, ...] = Field(min_length=1, max_length=256)
    name_servers: tuple[NameServerSettings, ...] = Field(default=(), max_length=8)
    ttl_s: int = Field(default=30, ge=1, le=86_400)

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> Self:
        names = [pop.name for pop in self.pops] + [server.name for server in self.name_servers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"pops, name_servers: the name {name!r} stands there twice")
        if not self.name_servers and ip_address(self.listen_pair[0]).is_unspecified:
            raise ValueError(f"name_servers: must be given where dns_listen is {self.dns_listen}: the zone cannot name that address")
        return self

    @property
    def listen_pair(self) -> tuple[str, int]:
        """`dns_listen` without brackets, and the port."""
        host, _, port = self.dns_listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    @property
    def served_by(self) -> tuple[NameServerSettings, ...]:
        return self.name_servers or (NameServerSettings(name="ns1", addresses=(self.listen_pair[0],)),)
