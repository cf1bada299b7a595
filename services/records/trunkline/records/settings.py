"""What the records service is told."""

from __future__ import annotations

from pydantic import Field

from trunkline.runtime.settings import ServiceSettings


class RecordsSettings(ServiceSettings):
    """`group_ms` is how long facts are gathered into one transaction: a record appears that much later."""

    group_ms: int = Field(default=20, ge=0, le=1000)
