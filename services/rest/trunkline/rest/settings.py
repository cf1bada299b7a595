"""What REST is told."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from trunkline.runtime.settings import EdgeAddress, ListenAddress, ProcessSettings, Settings


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError(f"{value!r} is no address or network, such as 192.0.2.1 or 192.0.2.0/24") from None


class Addresses(Settings):
    """gRPC addresses of the services that requests go to."""

    provisioning: ListenAddress
    auth: ListenAddress
    routing: ListenAddress
    records: ListenAddress
    dns: ListenAddress


class HttpsSettings(Settings):
    """PEM files of the certificate that clients see, and its key."""

    cert_file: Path
    key_file: Path


class RestSettings(ProcessSettings):
    """`http_listen` is where requests are taken: with `https` over TLS, else in the clear, for a loopback address or behind an ingress that
    speaks TLS where `is_behind_tls` says so. Of `trusted_proxies` X-Forwarded-For is believed.

    A key may make `key_rate` requests a second, `key_burst` at once; a source (an IPv6 /64 is one) `login_burst` with keys that nobody has,
    then `login_rate` a second. The certificate of `tls` is no service's: it gives no right.
    """

    http_listen: ListenAddress
    services: Addresses
    edges: tuple[EdgeAddress, ...] = Field(min_length=1, max_length=256)
    https: HttpsSettings | None = None
    is_behind_tls: bool = False
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(default=(), max_length=32)
    key_rate: float = Field(default=100.0, gt=0, le=100_000)
    key_burst: int = Field(default=300, ge=1, le=1_000_000)
    login_rate: float = Field(default=0.2, gt=0, le=1_000)
    login_burst: int = Field(default=20, ge=1, le=10_000)

    @model_validator(mode="after")
    def _tls_ends_once(self) -> Self:
        if self.https is not None and self.is_behind_tls:
            raise ValueError("https and is_behind_tls: TLS ends here or before; leave one out")
        return self

    @property
    def is_https(self) -> bool:
        return self.https is not None or self.is_behind_tls
