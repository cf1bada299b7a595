from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.regions import NEAREST, nearest_first


def test_every_region_of_the_platform_has_an_order_of_all_others() -> None:
    for region, others in NEAREST.items():
        assert set(others) == set(NEAREST) - {region}


def test_the_own_region_goes_first_and_one_without_a_place_last() -> None:
    assert nearest_first("apac", ["mars", "eu", "apac", "us", "eu"]) == ["apac", "us", "eu", "mars"]
    assert nearest_first("mars", ["us", "mars", "eu"]) == ["mars", "eu", "us"]


@given(st.sampled_from((*NEAREST, "mars")), st.lists(st.sampled_from((*NEAREST, "mars", "moon"))))
def test_nothing_is_lost_and_the_order_does_not_hang_on_how_they_came(region: str, regions: list[str]) -> None:
    found = nearest_first(region, regions)
    assert sorted(found) == sorted(set(regions))
    assert found == nearest_first(region, reversed(regions))
