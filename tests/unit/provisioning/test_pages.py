import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.api.common.v1 import common_pb2
from trunkline.domain.errors import Refusal
from trunkline.provisioning.pages import DEFAULT_SIZE, MAX_SIZE, page_of


@given(st.sets(st.text("abcXYZ019_-", min_size=1, max_size=8), max_size=60), st.integers(1, 20))
def test_pages_show_everything_once_in_order(names: set[str], size: int) -> None:
    shown: list[str] = []
    token = ""
    for _ in range(len(names) + 1):
        page, token = page_of(names, common_pb2.Page(size=size, token=token))
        shown += page
        if not token:
            break
    assert shown == sorted(names)


def test_what_comes_or_goes_between_pages_disturbs_no_other() -> None:
    first, token = page_of(["a", "b", "c", "d"], common_pb2.Page(size=2))
    second, _ = page_of(["a", "aa", "c", "d"], common_pb2.Page(size=2, token=token))
    assert (first, second) == (["a", "b"], ["c", "d"])


def test_sizes_are_bounded() -> None:
    names = [f"{number:05}" for number in range(MAX_SIZE + 500)]
    assert len(page_of(names, common_pb2.Page())[0]) == DEFAULT_SIZE
    assert len(page_of(names, common_pb2.Page(size=1_000_000))[0]) == MAX_SIZE


@pytest.mark.parametrize("token", ["!", "YQ", "MQ=", "x" * 600, "ä", "//8"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(Refusal) as caught:
        page_of(["a"], common_pb2.Page(token=token))
    assert (caught.value.reason, caught.value.field) == ("PAGE_TOKEN_INVALID", "page.token")
