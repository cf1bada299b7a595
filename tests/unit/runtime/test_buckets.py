import pytest

from trunkline.runtime.buckets import Buckets, one_source


def test_a_burst_passes_and_then_one_each_interval() -> None:
    tries = Buckets(0.1, 3)
    assert [tries.take("a", 100.0) for _ in range(3)] == [0, 0, 0]
    assert tries.take("a", 100.0) == 10
    assert tries.take("a", 105.0) == 5
    assert tries.take("a", 110.0) == 0
    assert tries.take("a", 110.0) == 10
    assert tries.take("b", 110.0) == 0


def test_a_try_that_was_refused_does_not_count() -> None:
    tries = Buckets(0.1, 1)
    tries.take("a", 0.0)
    for _ in range(100):
        tries.take("a", 5.0)
    assert tries.take("a", 10.0) == 0


def test_a_success_gives_the_burst_back() -> None:
    tries = Buckets(0.1, 1)
    tries.take("a", 0.0)
    tries.forget("a")
    assert tries.take("a", 0.0) == 0


def test_names_are_bounded() -> None:
    most = 100
    tries = Buckets(0.1, 1, most)
    for number in range(most + 5):
        tries.take(str(number), 0.0)
    assert tries.take("0", 0.0) == 0 and tries.take(str(most), 0.0) > 0


@pytest.mark.parametrize(
    ("address", "counted"),
    [("192.0.2.1", "192.0.2.1/32"), ("2001:db8:0:1:2::3", "2001:db8:0:1::/64"), ("::ffff:192.0.2.1", "192.0.2.1/32"), ("", "")],
)
def test_a_network_of_ipv6_is_one_source(address: str, counted: str) -> None:
    assert one_source(address) == counted
