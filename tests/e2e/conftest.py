"""One platform for all end-to-end tests that leave it whole; tests that break it start their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.platform import Platform, free_loopback


def _platform(folder: Path) -> Iterator[Platform]:
    platform = Platform(folder / "state", free_loopback())
    try:
        platform.start()
        yield platform
    finally:
        if platform.process is not None:
            platform.stop()


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Shared: do not kill its processes."""
    yield from _platform(tmp_path_factory.mktemp("platform"))


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[Platform]:
    """For tests that kill and hold."""
    yield from _platform(tmp_path)
