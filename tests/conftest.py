"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Generator

import pytest
from helpers.platform import Platform
from hypothesis import HealthCheck, settings

# Machines are shared: how long an example takes to be made, or to run, says nothing of the code.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make test-all`
settings.register_profile("long", parent=settings.get_profile("shared machine"), max_examples=300)
settings.load_profile("shared machine")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Shells have what they start in the background ignore Ctrl-C. Commands would inherit it, of which tests want to see that it ends them.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_SHARED_PLATFORMS = ("platform", "one_pop")
"""Fixtures of tests/e2e for a whole session: all that use one of them run in one process, so that it is started once."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs together where several processes share the work (`--dist loadgroup`): a file, or who shares a platform."""
    for item in items:
        file = item.path.relative_to(item.config.rootpath)
        fixtures = getattr(item, "fixturenames", ()) if "e2e" in file.parts else ()
        group = next((name for name in _SHARED_PLATFORMS if name in fixtures), str(file))
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a platform's processes have said stands with the failure of a test that used it."""
    report = yield
    if report.failed:
        platforms = {id(value): value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Platform)}
        for platform in platforms.values():
            report.sections += [(f"{platform.state.parent.name}: {name}", text) for name, text in platform.told()]
    return report
