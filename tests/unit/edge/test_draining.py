"""What an edge does while its point of presence is being emptied, by the clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from trunkline.domain.directory import Directory
from trunkline.domain.events import PopName
from trunkline.domain.views import Drain
from trunkline.edge.draining import Draining
from trunkline.edge.policy import Policy


@dataclass
class Options:
    """How OPTIONS is answered."""

    orders: list[bool] = field(default_factory=list)

    def set_draining(self, is_draining: bool) -> None:
        self.orders.append(is_draining)


def test_options_say_so_at_once_and_new_calls_are_refused_when_the_time_is_over() -> None:
    drains: dict[str, Drain] = {}
    directory = Directory()
    policy = Policy(lambda: directory, region="eu", realm="sip.test")
    draining = Draining("eu1", grace_s=90, policy=policy, drain=drains.get)
    options = Options()
    draining.look(options, 1000)
    assert options.orders == [] and not draining.is_on
    drains["eu2"] = Drain(PopName("eu2"), 1000, "", True, 1)
    draining.look(options, 1000)
    assert options.orders == []
    drains["eu1"] = Drain(PopName("eu1"), 1000, "", True, 1)
    for now_s in (1000, 1089.9):
        draining.look(options, now_s)
        assert (options.orders, draining.is_on, policy.is_refusing) == ([True], True, False)
    draining.look(options, 1090)
    assert draining.is_on and policy.is_refusing
    del drains["eu1"]
    draining.look(options, 1091)
    assert (options.orders[-1], draining.is_on, policy.is_refusing) == (False, False, False)
