"""What the auth service is told besides what every service is."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from trunkline.auth.rotation import SLOTS_LIMIT, Slot
from trunkline.runtime.settings import ListenAddress, Name, ServiceSettings, Settings


class PeerSettings(Settings):
    """Another region's auth."""

    name: Name
    address: ListenAddress


class AuthSettings(ServiceSettings):
    """`kek_file` holds the key that wraps all others, made at the first start. `pops` are all points of presence, for their bound names.

    `ban_regions` are those with auth services, whose bans are known here; this one's own where nothing is said.

    `peers` are the auth services of other regions; all share the ids of keys that sign, and each has a `key_slot` of its own among
    `key_slots`, which is the same for all.
    """

    kek_file: Path
    pops: tuple[Name, ...] = Field(min_length=1)
    ban_regions: tuple[Name, ...] = Field(default=(), max_length=16)
    peers: tuple[PeerSettings, ...] = Field(default=(), max_length=SLOTS_LIMIT - 1)
    key_slot: int = Field(default=0, ge=0)
    key_slots: int = Field(default=1, ge=1, le=SLOTS_LIMIT)
    orphan_age_s: float = Field(default=3600, ge=1)
    """How long a credential may be named by no account before it is erased."""
    sweep_period_s: float = Field(default=300, ge=1)

    @model_validator(mode="after")
    def _slots_are_enough(self) -> Self:
        if self.key_slot >= self.key_slots:
            raise ValueError(f"key_slot {self.key_slot} is not below key_slots {self.key_slots}")
        if self.key_slots <= len(self.peers):
            raise ValueError(f"key_slots {self.key_slots} is too few for this store and {len(self.peers)} peers: each needs one of its own")
        if len({peer.name for peer in self.peers} - {self.name}) != len(self.peers):
            raise ValueError("peers: each stands there once, and this service does not")
        return self

    @property
    def slot(self) -> Slot:
        return Slot(self.key_slot, self.key_slots)
