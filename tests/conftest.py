"""For all tests: which of them stay together when several processes run them (`pytest -n 2 --dist loadgroup`)."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file is one group, for its fixtures; all that share the end-to-end tests' platform are another, for there shall be one of it."""
    for item in items:
        shares_platform = "e2e" in item.path.parts and "platform" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("platform" if shares_platform else str(item.path.relative_to(item.config.rootpath))))
