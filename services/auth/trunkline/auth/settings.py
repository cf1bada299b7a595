"""What the auth service is told besides what every service is."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from trunkline.runtime.settings import Name, ServiceSettings


class AuthSettings(ServiceSettings):
    """`kek_file` holds the key that wraps all others, made at the first start. `pops` are all points of presence, for their bound names."""

    kek_file: Path
    pops: tuple[Name, ...] = Field(min_length=1)
    orphan_age_s: float = Field(default=3600, ge=1)
    """How long a credential may be named by no account before it is erased."""
    sweep_period_s: float = Field(default=300, ge=1)
