"""What the records service is told."""

from __future__ import annotations

from trunkline.runtime.settings import ServiceSettings


class RecordsSettings(ServiceSettings):
    """Nothing besides what every service is told; records stand in `state_dir`."""
