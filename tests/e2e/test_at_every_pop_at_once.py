"""How long it takes until all points of presence decide by a suspension or a ban; `pytest -s` prints it, docs/limits.md has figures.

Every 20 ms each point of presence is asked, so a figure is too high by as much.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import probes, sipp
from helpers.platform import Platform, wait_for
from helpers.platform_grpc import blocking_channel, operator
from helpers.trunks import Trunk, create_customer

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

EVERY_S = 0.02
SILENCE_S = 0.5
LIMIT_S = 20.0
"""Far beyond what is measured: machines that do much else are slow, and a figure is no test."""
GUESSES = 21
"""One more than it takes, for a little is forgiven meanwhile."""
NOBODY_SERVES = "+29055501"
"""St. Helena is in no deck, so an admitted call ends at once."""


def seconds_at_each(platform: Platform, is_there: Callable[[str], bool]) -> dict[str, Callable[[], float]]:
    """By point of presence, when it was found to be so; asked from now on. Each waits for its answer."""

    def found(pop: str) -> float:
        asked_s = [time.monotonic()]

        def probe() -> bool:
            asked_s[0] = time.monotonic()
            return is_there(pop)

        wait_for(f"that of {pop}", probe, timeout_s=LIMIT_S, every_s=EVERY_S)
        return asked_s[0]

    pops = list(platform.local["pops"])
    pool = ThreadPoolExecutor(len(pops))
    futures = {pop: pool.submit(found, pop) for pop in pops}
    pool.shutdown(wait=False)
    return {pop: future.result for pop, future in futures.items()}


def tell(what: str, began_s: float, found: dict[str, Callable[[], float]]) -> None:
    after_ms = {pop: max(0.0, 1000 * (at() - began_s)) for pop, at in found.items()}
    print(f"\n{what}: {', '.join(f'{pop} {ms:.0f} ms' for pop, ms in after_ms.items())}", flush=True)
    assert max(after_ms.values()) < 1000 * LIMIT_S


def test_a_suspension(platform: Platform) -> None:
    source, label = f"{platform.loopback}.8.20", "stoppable"
    create_customer(platform, "stoppable", [Trunk(label, "+31205550820", address=f"{source}/32")])
    host = f"{label}.{platform.local['base_domain']}"

    def answer(pop: str) -> str:
        return probes.invite(platform.edge(pop), source, host, NOBODY_SERVES, timeout_s=SILENCE_S)

    assert {answer(pop) for pop in platform.local["pops"]} == {"SIP/2.0 404 No Route T401"}
    found = seconds_at_each(platform, lambda pop: "T603" in answer(pop))
    with blocking_channel(platform, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        stub.SuspendTenant(p.SuspendTenantRequest(tenant="stoppable"), metadata=operator(platform), timeout=LIMIT_S)
    tell("suspended, from the receipt", time.monotonic(), found)


@pytest.fixture
def stranger(platform: Platform) -> str:
    return f"{platform.loopback}.8.21"


def test_a_ban_of_one_who_guesses(platform: Platform, stranger: str, tmp_path: Path) -> None:
    label = "guessed"
    create_customer(platform, label, [Trunk(label, "+31205550821", username="31300821", password="the-right-password")])
    host = f"{label}.{platform.local['base_domain']}"

    def is_heard(pop: str) -> bool:
        return bool(probes.invite(platform.edge(pop), stranger, host, NOBODY_SERVES, timeout_s=SILENCE_S))

    assert all(is_heard(pop) for pop in platform.local["pops"])
    caller = sipp.Caller(host=host, number=NOBODY_SERVES, username="31300821", password="not-the-password")
    scenario = sipp.refused_call(caller, 403, "T204")
    run = sipp.run(tmp_path, scenario, target=platform.edge("eu1"), local_address=stranger, calls=GUESSES, rate=100)
    began_s = time.monotonic()
    run.must_succeed(GUESSES)
    try:
        tell("banned, from the last guess", began_s, seconds_at_each(platform, lambda pop: not is_heard(pop)))
    finally:
        platform.cli("ban", "lift", stranger)
