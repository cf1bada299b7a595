"""Listings that are read page by page, in part and whole."""

from __future__ import annotations

from typing import Any

from trunkline.api.common.v1.common_pb2 import Page
from trunkline.api.provisioning.v1.provisioning_pb2 import Domain, ListDomainsRequest, ListDomainsResponse
from trunkline.runtime.listings import each_of, first_of


async def listed(request: ListDomainsRequest) -> Any:
    """Five domains, as a service gives them: at most as many as a page asks for, and a token while there are more."""
    begin = int(request.page.token or 0)
    end = min(begin + request.page.size, 5)
    names = [Domain(label=str(place)) for place in range(begin, end)]
    return ListDomainsResponse(domains=names, next_page_token=str(end) if end < 5 else "")


async def test_a_listing_is_read_to_its_end_or_its_limit() -> None:
    for limit, size, found in ((9, 2, 5), (3, 2, 3), (5, 5, 5), (0, 2, 0)):
        rows = [each.label async for each in each_of(listed, ListDomainsRequest(page=Page()), "domains", limit=limit, page_size=size)]
        assert rows == [str(place) for place in range(found)]


async def test_a_part_of_a_listing_is_called_one() -> None:
    for limit, found, is_cut in ((4, 4, True), (5, 5, False), (6, 5, False)):
        rows, cut = await first_of(listed, ListDomainsRequest(), "domains", limit)
        assert (len(rows), cut) == (found, is_cut)
