"""What the records service is told."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import Field

from trunkline.runtime.settings import Name, ServiceSettings


class RecordsSettings(ServiceSettings):
    """`regions` are those whose calls are recorded, home among them; records stand in `state_dir`. `longest_call_s` is the edges' longest
    call, unless a call was given another: what is open beyond it is presumed to be over. Captured SIP messages are deleted after
    `messages_days`.

    With `webhook_key_file` (32 bytes, made where it is missing; the same in every region) home sends records to tenants that want it.
    They go to public addresses, and to `webhook_networks` of the operator; `webhook_roots_file` holds the authorities that are believed
    there, instead of the system's."""

    regions: tuple[Name, ...] = Field(default=("eu",), min_length=1, max_length=16)
    messages_days: int = Field(default=7, ge=1, le=365)
    longest_call_s: int = Field(default=4 * 3600, ge=60, le=24 * 3600)
    webhook_key_file: Path | None = None
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = Field(default=(), max_length=64)
    webhook_roots_file: Path | None = None
