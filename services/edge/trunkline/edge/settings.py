"""What one SIP edge is told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from trunkline.runtime.settings import ListenAddress, Name, ServiceSettings

DAY_S = 86_400


class EdgeSettings(ServiceSettings):
    """`name` is the edge's own, unique over all POPs: records and message ids carry it.

    `listen` are the UDP addresses of the POP, `other_pops` the other points of presence, whose bound names are not served here.
    `auth_addresses` and `routing_addresses` are gRPC `ADDRESS:PORT`, the nearest first. The keys that auth gave are kept on disk, sealed,
    for `keys_lifetime_s` after the last fetch: so long the edge authenticates with auth gone.
    """

    pop: Name
    listen: tuple[ListenAddress, ...] = Field(min_length=1, max_length=16)
    auth_addresses: tuple[ListenAddress, ...] = Field(min_length=1, max_length=16)
    routing_addresses: tuple[ListenAddress, ...] = Field(default=(), max_length=16)
    other_pops: tuple[Name, ...] = Field(default=(), max_length=256)
    journal_dir: Path | None = None
    keys_refresh_s: float = Field(default=60.0, ge=1, le=3600)
    keys_lifetime_s: float = Field(default=float(DAY_S), ge=60, le=30 * DAY_S)
    timer_t1_ms: int = Field(default=500, ge=50, le=5000)
    silent_gateway_ms: int = Field(default=3000, ge=100, le=32_000)
    all_silent_ms: int = Field(default=8000, ge=100, le=64_000)
    decision_limit_ms: int = Field(default=2000, ge=10, le=30_000)

    @property
    def journal_path(self) -> Path:
        """Where the engine writes its journal: `journal_dir`, by default in the state folder."""
        return self.journal_dir or self.state_dir / "journal"

    @property
    def listen_pairs(self) -> list[tuple[str, int]]:
        """`listen` as the engine takes it; brackets of IPv6 addresses removed."""
        pairs = []
        for address in self.listen:
            host, _, port = address.rpartition(":")
            pairs.append((host.removeprefix("[").removesuffix("]"), int(port)))
        return pairs
