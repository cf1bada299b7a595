"""Who a process is, and whom it believes: one certificate for gRPC and NATS, both ways (mutual TLS).

The authority's certificates carry `spiffe://trunkline.internal/<kind>/<process>` as URI name, and `<kind>.trunkline.internal` as DNS name:
a client checks the second, a server reads the first.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import grpc

ZONE = "trunkline.internal"
CLIENT = "client"
"""The kind of people's and customers' programs: it has no rights of its own, an API key has."""

FACES = frozenset({"rest", "dashboard"})
"""Kinds that pass on what people ask, with people's keys: no rights of their own either, but they are believed from where it came."""

SERVICE_KINDS = frozenset({"provisioning", "auth", "routing", "records", "dns", "edge"})
_SPIFFE = f"spiffe://{ZONE}/"


class TlsProblem(OSError):
    """A certificate or key cannot be used; the text names the file and what to do."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """PEM files of this process's certificate and its key. `ca_file` holds the authority whose certificates are believed. No model of
    pydantic, which is not needed to read three paths: the command line would wait for it at each start."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    """As of a table of other settings."""

    ca_file: Path
    cert_file: Path
    key_file: Path

    @classmethod
    def of(cls, table: Mapping[str, str]) -> TlsSettings:
        """KeyError for a file that is not named."""
        return cls(Path(table["ca_file"]), Path(table["cert_file"]), Path(table["key_file"]))


@dataclass(frozen=True, slots=True)
class Identity:
    """From a verified certificate. `kind` is one of SERVICE_KINDS or FACES, `client` or `nats`."""

    kind: str
    process: str


def identity_of(names: Iterable[str]) -> Identity | None:
    """From a certificate's alternative names; None where none of them is an identity of this platform."""
    for name in names:
        kind, separator, process = name.removeprefix(_SPIFFE).partition("/")
        if name.startswith(_SPIFFE) and separator and kind and process and "/" not in process:
            return Identity(kind, process)
    return None


def host_name(kind: str) -> str:
    """What a certificate must name for its holder to be taken for one of this kind."""
    return f"{kind}.{ZONE}"


def channel_credentials(tls: TlsSettings) -> grpc.ChannelCredentials:
    """Raises TlsProblem."""
    import grpc

    return grpc.ssl_channel_credentials(_read(tls.ca_file), _read(tls.key_file), _read(tls.cert_file))


def server_credentials(tls: TlsSettings) -> grpc.ServerCredentials:
    """Callers without a certificate of the authority get no connection. Raises TlsProblem."""
    import grpc

    pair = (_read(tls.key_file), _read(tls.cert_file))
    return grpc.ssl_server_credentials([pair], root_certificates=_read(tls.ca_file), require_client_auth=True)


def nats_context(tls: TlsSettings) -> ssl.SSLContext:
    """Raises TlsProblem."""
    try:
        context = ssl.create_default_context(cafile=str(tls.ca_file))
        context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        files = f"{tls.ca_file}, {tls.cert_file}, {tls.key_file}"
        raise TlsProblem(f"{files}: cannot be used for TLS ({error}): have the authority issue them again") from error
    return context


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsProblem(f"{path}: cannot be read ({error.strerror}): have the authority issue it again") from error
