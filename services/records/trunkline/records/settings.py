"""What the records service is told."""

from __future__ import annotations

from pydantic import Field

from trunkline.runtime.settings import Name, ServiceSettings


class RecordsSettings(ServiceSettings):
    """`regions` are those whose calls are recorded, home among them; records stand in `state_dir`. `longest_call_s` is the edges' longest
    call, unless a call was given another: what is open beyond it is presumed to be over. Captured SIP messages are deleted after
    `messages_days`."""

    regions: tuple[Name, ...] = Field(default=("eu",), min_length=1, max_length=16)
    messages_days: int = Field(default=7, ge=1, le=365)
    longest_call_s: int = Field(default=4 * 3600, ge=60, le=24 * 3600)
