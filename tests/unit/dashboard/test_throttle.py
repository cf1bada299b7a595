from trunkline.dashboard import throttle
from trunkline.dashboard.throttle import Throttle


def test_a_burst_passes_and_then_one_each_interval() -> None:
    tries = Throttle(every_s=10, burst=3)
    assert [tries.wait_s("a", 100.0) for _ in range(3)] == [0, 0, 0]
    assert tries.wait_s("a", 100.0) == 10
    assert tries.wait_s("a", 105.0) == 5
    assert tries.wait_s("a", 110.0) == 0
    assert tries.wait_s("a", 110.0) == 10
    assert tries.wait_s("b", 110.0) == 0


def test_a_try_that_was_refused_does_not_count() -> None:
    tries = Throttle(every_s=10, burst=1)
    tries.wait_s("a", 0.0)
    for _ in range(100):
        tries.wait_s("a", 5.0)
    assert tries.wait_s("a", 10.0) == 0


def test_a_success_gives_the_burst_back() -> None:
    tries = Throttle(every_s=10, burst=1)
    tries.wait_s("a", 0.0)
    tries.forget("a")
    assert tries.wait_s("a", 0.0) == 0


def test_names_are_bounded() -> None:
    tries = Throttle(every_s=10, burst=1)
    for number in range(throttle.MAX_NAMES + 5):
        tries.wait_s(str(number), 0.0)
    assert tries.wait_s("0", 0.0) == 0 and tries.wait_s(str(throttle.MAX_NAMES), 0.0) > 0
