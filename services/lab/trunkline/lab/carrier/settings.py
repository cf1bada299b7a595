"""What a simulated carrier is told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from trunkline.runtime.settings import Name, Settings


class CarrierTlsSettings(Settings):
    """PEM files. Edges that it connects to must have a certificate of `ca_file`; with `asks_for_certificates` so must those that connect
    to it (mutual TLS)."""

    port: int = Field(ge=0, le=65535)
    cert_file: Path
    key_file: Path
    ca_file: Path
    asks_for_certificates: bool = False


class CarrierSettings(Settings):
    """It listens on `port` by UDP and TCP, with `tls` by TLS too. `is_first`: this one answers 503 to numbers that end in 503.
    `message_log` gets every message received."""

    name: Name
    host: str = Field(min_length=1)
    port: int = Field(ge=0, le=65535)
    tls: CarrierTlsSettings | None = None
    is_first: bool = False
    message_log: Path
