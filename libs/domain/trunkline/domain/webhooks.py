"""Where a tenant's records are sent to: what may stand as an address."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from trunkline.domain.commands import SetWebhook
from trunkline.domain.decide_access import existing_tenant
from trunkline.domain.decision import Decision
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, invalid
from trunkline.domain.events import Kind, WebhookSet

MAX_URL: Final = 512
_REMEDY: Final = "Write it as https://hooks.example.com/records."
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Address:
    """`host` is a name or an IP address without brackets, `path` begins with `/` and has the query."""

    is_tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.is_tls else "http"] else f"{host}:{self.port}"


def address_of(url: str) -> Address:
    """Raises Refusal. That a host may be reached at all is decided where it is reached, by its address."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > MAX_URL:
        raise _bad(f"An address has at most {MAX_URL} printable ASCII characters without blanks.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _bad(f"That is no address: {error}.") from error
    if parts.scheme not in _PORTS or not host:
        raise _bad("An address begins with https:// and names a host.")
    if parts.username is not None or parts.password is not None or parts.fragment or "#" in url or "\\" in url:
        raise _bad("An address has no user, no password and no fragment.")
    if port == 0:
        raise _bad("0 is no port.")
    if not _is_host(host):
        raise _bad(f"{host[:64]!r} is no name of a host and no IP address.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme == "https", host, port or _PORTS[parts.scheme], path)


def set_webhook(directory: Directory, command: SetWebhook) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    known = directory.tenants[tenant].webhook
    if command.url:
        address_of(command.url)
    is_new = command.is_new_secret or not known.generation
    wanted = WebhookSet(command.url, known.generation + is_new if command.url else known.generation)
    return Decision(Kind.TENANT, tenant, tenant, () if wanted == known else (wanted,))


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        is_named = all(0 < len(label) <= 63 and label.replace("-", "a").replace("_", "a").isalnum() for label in labels)
        # Numbers alone are read as an address by some: 127.1, 0x7f000001.
        return is_named and len(host) <= 253 and not labels[-1].isdigit() and not labels[-1].startswith("0x")
    return "%" not in host


def _bad(message: str) -> Refusal:
    return invalid("URL_INVALID", "url", message, _REMEDY)
