"""The history of points of presence page by page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.errors import Refusal
from trunkline.domain.pop_changes import PopChange, Standing, Word
from trunkline.provisioning.pages import last_shown, token_after
from trunkline.provisioning.pop_history import PopHistory

READY, DRAINING, DOWN, FROZEN = (Standing(word) for word in Word)


def history_of(*changes: PopChange) -> PopHistory:
    history = PopHistory(("eu1", "us1"))
    history.taken("eu", list(enumerate(changes, 1)))
    return history


def pages(history: PopHistory, size: int) -> Iterator[pb.ListPopChangesResponse]:
    token = ""
    while True:
        yield (page := history.list(pb.ListPopChangesRequest(page=common_pb2.Page(size=size, token=token))))
        if not (token := page.next_page_token):
            return


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_page_skips_or_repeats_a_change_where_several_have_one_time(size: int) -> None:
    changes = [
        PopChange(5, pop, region, by, None if after is READY else READY, after, "x")
        for pop in ("eu1", "us1")
        for region, by, after in (
            ("apac", "dns-apac", READY),
            ("eu", "dns-eu", DOWN),
            ("eu", "dns-eu2", FROZEN),
            ("us", "dns-us", DRAINING),
        )
    ]
    found = [(each.pop, each.region, each.decided_by) for page in pages(history_of(*changes), size) for each in page.changes]
    assert found == sorted(((each.pop, each.region, each.by) for each in changes), reverse=True)


def test_a_token_of_an_earlier_version_is_taken_and_any_other_is_refused() -> None:
    history = history_of(PopChange(5, "us1", "eu", "dns-eu", READY, DOWN, "x"))
    assert len(history.list(pb.ListPopChangesRequest(page=common_pb2.Page(token=token_after("6/us1")))).changes) == 1
    for token in ("", "x", "-1/us1", "1" * 20):
        with pytest.raises(Refusal):
            history.list(pb.ListPopChangesRequest(page=common_pb2.Page(token=token_after(token))))


def test_a_token_says_nothing_that_the_page_does_not() -> None:
    """A tenant is not told who decided, and can decode it."""
    changes = [PopChange(5, "us1", "eu", "dns-eu", READY, DOWN, "x"), PopChange(5, "us1", "us", "dns-us", DOWN, FROZEN, "x")]
    [first, _] = pages(history_of(*changes), 1)
    assert last_shown(first.next_page_token) == "5/us1/1"
