"""What an edge keeps: what decides admitted calls, and nothing of the entries that the engine's tables hold."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.domain.histories import commands, contents, history_of

from trunkline.domain import commands as c
from trunkline.domain.directory import Directory


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(commands, min_size=50, max_size=200))
def test_it_says_of_everything_that_a_decision_looks_at_what_the_whole_directory_says(more: list[c.Command]) -> None:
    history = history_of(more)
    kept = Directory(is_for_calls=True)
    for fact in history.facts:
        kept.apply(fact)
    mine, whole = contents(kept), contents(history.directory)
    for part in ("tenants", "domains", "carriers", "decks", "routes", "api_keys", "by_hash"):
        assert mine[part] == whole[part], part
    assert not any(kept.acls(tenant) for tenant in kept.tenants)
    assert not kept.credentials and not kept.claims
