"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from helpers.platform import Platform
from hypothesis import HealthCheck, settings

# Machines are shared: how long an example takes to be made, or to run, says nothing of the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a platform's processes have said stands with the failure of a test that used it."""
    report = yield
    if report.failed:
        platforms = {id(value): value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Platform)}
        for platform in platforms.values():
            report.sections += [(f"{platform.state.parent.name}: {name}", text) for name, text in platform.told()]
    return report
