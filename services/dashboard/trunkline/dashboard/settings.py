"""What the dashboard is told."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from trunkline.runtime.settings import EdgeAddress, ListenAddress, ProcessSettings, Settings


class Addresses(Settings):
    """gRPC addresses of the services that a person's requests go to."""

    provisioning: ListenAddress
    auth: ListenAddress
    routing: ListenAddress
    records: ListenAddress
    dns: ListenAddress


class DashboardSettings(ProcessSettings):
    """`http_listen` is where pages are served, without TLS: an ingress stands before it, or it is a loopback address. `public_url` is how
    browsers reach it; requests under another name are refused. `trusted_proxies` are addresses whose X-Forwarded-For is believed. `cli` is
    how pages name the command. `edges` are asked for calls in progress; without any, pages say that they do not know them. The certificate
    of `tls` is no service's: it gives no right.
    """

    http_listen: ListenAddress
    public_url: str
    services: Addresses
    edges: tuple[EdgeAddress, ...] = Field(default=(), max_length=256)
    idle_limit_s: int = Field(default=3600, ge=60, le=24 * 3600)
    session_limit_s: int = Field(default=12 * 3600, ge=60, le=7 * 24 * 3600)
    trusted_proxies: tuple[str, ...] = Field(default=(), max_length=32)
    cli: Literal[".venv/bin/trunkline", "trunkline"] = "trunkline"

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query or parts.fragment:
            raise ValueError(f"{value!r} is not http(s)://HOST[:PORT], without a path")
        return value

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def public_host(self) -> str:
        return urlsplit(self.public_url).netloc
