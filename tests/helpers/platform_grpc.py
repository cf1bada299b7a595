"""gRPC to a running platform, as an operator or with a tenant's key: mutual TLS with the client certificate that local.json names."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
from helpers.platform import Platform

from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.tls import TlsSettings


def tls_of(platform: Platform) -> TlsSettings:
    files = platform.local["tls"]
    return TlsSettings(ca_file=Path(files["ca_file"]), cert_file=Path(files["cert_file"]), key_file=Path(files["key_file"]))


def channel(platform: Platform, process: str, *, key: str = "", deadline_s: float = 10.0) -> grpc.aio.Channel:
    """To a process by its name (`provisioning-eu`); the operator's key where none is given."""
    return open_channel(
        platform.local["grpc"][process],
        tls=tls_of(platform),
        peer=process.partition("-")[0],
        key=key or platform.local["operator"]["api_key"],
        deadline_s=deadline_s,
        is_waiting=True,
    )


def blocking_channel(platform: Platform, process: str) -> grpc.Channel:
    """For tests without an event loop; the caller adds the key as metadata (`operator`)."""
    tls = tls_of(platform)
    credentials = grpc.ssl_channel_credentials(tls.ca_file.read_bytes(), tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    kind = process.partition("-")[0]
    options = (("grpc.ssl_target_name_override", f"{kind}.trunkline.internal"),)
    return grpc.secure_channel(platform.local["grpc"][process], credentials, options)


def operator(platform: Platform) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {platform.local['operator']['api_key']}"),)
