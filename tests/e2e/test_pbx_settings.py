"""What `trunkline dns settings` prints for Kamailio and baresip is taken as it is printed, and gets an answered call."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.namespace import run_inside, why_not

INSIDE = Path(__file__).with_name("settings_in_namespace.py")
LIMIT_S = 360


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_calls_by_settings_as_they_are_printed(tmp_path: Path) -> None:
    run_inside(INSIDE, tmp_path, limit_s=LIMIT_S)
