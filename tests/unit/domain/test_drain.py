"""Points of presence that are emptied: what is written, and what is refused."""

from __future__ import annotations

import pytest
from unit.domain.histories import History, replayed, retained

from trunkline.domain import commands as c
from trunkline.domain.decide import decide
from trunkline.domain.errors import Refusal
from trunkline.domain.events import PopDrained, PopUndrained

POPS = ("eu1", "eu2", "us1")


def test_a_drain_is_written_once_and_lasts_until_it_is_undone() -> None:
    history = History()
    assert decide(history.directory, c.UndrainPop("eu1", POPS)).events == ()
    history.execute(c.DrainPop("eu1", POPS, "new kernel", 1000))
    drain = history.directory.drain("eu1")
    assert drain is not None and (drain.since_s, drain.note) == (1000, "new kernel")
    assert history.directory.drain("eu2") is None
    assert decide(history.directory, c.DrainPop("eu1", POPS, "new kernel", 2000)).events == ()
    assert decide(history.directory, c.UndrainPop("eu1", POPS)).events == (PopUndrained(),)
    history.execute(c.UndrainPop("eu1", POPS))
    assert history.directory.drain("eu1") is None


def test_another_note_does_not_begin_the_drain_anew() -> None:
    history = History()
    history.execute(c.DrainPop("eu1", POPS, "", 1000))
    assert decide(history.directory, c.DrainPop("eu1", POPS, "new kernel", 2000)).events == (PopDrained(1000, "new kernel"),)


def test_the_last_point_of_presence_in_service_cannot_be_drained() -> None:
    history = History()
    for pop in ("eu1", "us1"):
        history.execute(c.DrainPop(pop, POPS))
    with pytest.raises(Refusal) as raised:
        decide(history.directory, c.DrainPop("eu2", POPS))
    assert raised.value.reason == "LAST_POP"
    history.execute(c.UndrainPop("us1", POPS))
    history.execute(c.DrainPop("eu2", POPS))


def test_the_last_point_of_presence_that_lives_cannot_be_drained() -> None:
    history = History()
    history.execute(c.DrainPop("eu2", POPS))
    with pytest.raises(Refusal) as raised:
        decide(history.directory, c.DrainPop("eu1", POPS, dead=("us1",)))
    assert raised.value.reason == "LAST_POP"
    assert "us1, not being drained, is down" in raised.value.message and "trunkline pop list" in raised.value.remedy
    with pytest.raises(Refusal):
        # One that is drained would take no calls, dead or alive.
        decide(history.directory, c.DrainPop("eu1", POPS, dead=("us1", "eu2")))
    assert decide(history.directory, c.DrainPop("us1", POPS, dead=("us1",))).events, "one that is down may be drained"
    assert decide(history.directory, c.DrainPop("eu2", POPS, "longer", dead=("us1", "eu1"))).events, "another note for one that is drained"
    history.execute(c.UndrainPop("eu2", POPS))
    history.execute(c.DrainPop("eu1", POPS, dead=("us1",)))


def test_two_drains_are_decided_one_after_another() -> None:
    """Else two operators could each drain one of the last two."""
    assert decide(History().directory, c.DrainPop("eu1", POPS)).guards == ("config.*.platform.>",)


@pytest.mark.parametrize("command", [c.DrainPop("eu9", POPS), c.UndrainPop("eu9", POPS)])
def test_what_is_no_point_of_presence_is_refused_with_what_there_is(command: c.Command) -> None:
    with pytest.raises(Refusal) as raised:
        decide(History().directory, command)
    assert raised.value.reason == "POP_NOT_FOUND" and "eu1, eu2, us1" in raised.value.remedy


def test_a_replica_keeps_the_last_word_only() -> None:
    history = History()
    for _ in range(3):
        history.execute(c.DrainPop("eu1", POPS, "", 1000))
        history.execute(c.UndrainPop("eu1", POPS))
    kept = retained(history.facts)
    assert len(kept) == 1
    assert replayed(kept).drains == history.directory.drains


def test_a_repeated_request_is_the_same_whatever_the_time_and_the_other_points_of_presence() -> None:
    assert c.fingerprint(c.DrainPop("eu1", POPS, "a", 1)) == c.fingerprint(c.DrainPop("eu1", POPS[:1], "a", 2, dead=("us1",)))
    assert c.fingerprint(c.DrainPop("eu1", POPS, "a", 1)) != c.fingerprint(c.DrainPop("eu1", POPS, "b", 1))
