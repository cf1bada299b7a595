"""One platform with all six points of presence for the end-to-end tests that leave it whole; tests that break it start their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.dashboard import Visitor, chromium
from helpers.platform import Platform, running_platform
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Shared, with all six points of presence: do not kill its processes."""
    with running_platform(tmp_path_factory.mktemp("platform")) as platform:
        yield platform


@pytest.fixture(scope="session")
def _one_pop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("one-pop"), pops="eu1") as platform:
        yield platform


@pytest.fixture
def one_pop(_one_pop: Platform) -> Platform:
    """One point of presence, for tests that kill, hold and stop, one after another. It runs when a test begins."""
    if _one_pop.process is None:
        _one_pop.start()
    return _one_pop


@pytest.fixture
def two_regions(tmp_path: Path) -> Iterator[Platform]:
    """eu1 and us1, each region with its own services, and a link between them that can be cut."""
    with running_platform(tmp_path, pops="eu1,us1", services="all", links=("us=0",)) as platform:
        yield platform


@pytest.fixture
def six_pops(tmp_path: Path) -> Iterator[Platform]:
    """All six, for tests that kill and hold."""
    with running_platform(tmp_path) as platform:
        yield platform


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of a module only: Playwright's loop stands in the way of other tests' loops."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def visitor(browser: Browser, platform: Platform) -> Iterator[Callable[..., Visitor]]:
    """Makes windows, which go with the test."""
    made: list[Visitor] = []

    def make(**options: object) -> Visitor:
        made.append(Visitor(browser, platform, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()
