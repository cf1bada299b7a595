"""How long the calls of a domain may last."""

from __future__ import annotations

import pytest
from unit.domain.test_policy import ACME, CALL, REALM, decided, platform

from trunkline.domain import commands as c
from trunkline.domain.decide import decide
from trunkline.domain.errors import Refusal
from trunkline.domain.events import ClassOfServiceSet, DomainLabel
from trunkline.domain.policy import Memory, Routed, decide_call
from trunkline.runtime.deciding import decision_of


def test_a_domains_longest_call_goes_with_the_decision_remembered_or_not() -> None:
    history, memory = platform(), Memory()
    for longest_s in (0, 600, 0):
        history.execute(c.SetClassOfService(ACME, "acme", (), longest_s))
        for _ in range(2):
            routed = decide_call(CALL, history.directory, region="eu", realm=REALM, randomness=0.5, memory=memory)
            assert isinstance(routed, Routed) and routed == decided(CALL, history)
            assert (routed.max_duration_s, getattr(decision_of(routed), "max_duration_s", None)) == (longest_s, longest_s)


def test_it_stays_where_only_the_prefixes_are_set() -> None:
    history = platform()
    history.execute(c.SetClassOfService(ACME, "acme", ("31",), 600))
    assert decide(history.directory, c.SetClassOfService(ACME, "acme", ("31",))).events == ()
    assert decide(history.directory, c.SetClassOfService(ACME, "acme", ("31",), 600)).events == ()
    history.execute(c.SetClassOfService(ACME, "acme", ("31", "44")))
    domain = history.directory.domain(ACME, DomainLabel("acme"))
    assert domain is not None and (domain.service.allowed_prefixes, domain.service.max_duration_s) == (("31", "44"), 600)
    assert decide(history.directory, c.SetClassOfService(ACME, "acme", ("31", "44"), 0)).events == (ClassOfServiceSet(("31", "44"), 0),)


@pytest.mark.parametrize("longest_s", [1, 9, 86_401, 2**32 - 1])
def test_what_is_no_sensible_duration_is_refused(longest_s: int) -> None:
    with pytest.raises(Refusal) as raised:
        decide(platform().directory, c.SetClassOfService(ACME, "acme", (), longest_s))
    assert raised.value.reason == "MAX_DURATION_INVALID"
