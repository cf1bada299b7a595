"""Challenges that nobody answered, by who was challenged: the commonest fault of a set-up, and one that leaves no record.

An edge tells a minute some seconds after it is over, so what is shown here is up to a minute old.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.forms import quoted
from trunkline.dashboard.visits import Visit
from trunkline.runtime.errors import missing_method

PAGE: Final = 500
PAGES: Final = 3
"""That are looked at for one answer."""
SHOWN: Final = 5
"""Sources; how many further ones there are is said."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Of one source at one domain. `source` is an IP address, or empty for those that the edges counted together. `last` is when the last
    minute began in which it was challenged. `offered` and `status` are what the domain challenges with now, empty where it is gone."""

    source: str
    domain: str
    number: int
    pops: Sequence[str]
    last: Timestamp
    offered: Sequence[str]
    status: int

    @property
    def words(self) -> list[str]:
        """Of the command that lists it minute by minute."""
        named = (("--domain", self.domain), ("--source", self.source))
        return ["call", "unrecorded", *(word for name, value in named if value for word in (name, quoted(value)))]


@dataclass(frozen=True, slots=True)
class Found:
    """The last challenged first; `more` are not among them, `is_cut` says that there may be further ones that were not looked at."""

    sources: Sequence[Unanswered] = ()
    more: int = 0
    is_cut: bool = False


async def unanswered(visit: Visit, domains: Iterable[pb.Domain], since_s: float, label: str = "", shown: int = SHOWN) -> Found:
    """Of the last `since_s` seconds, at the domain `label` or at all. A records service of before knows none."""
    rows: list[records_pb2.Unrecorded] = []
    request = records_pb2.ListUnrecordedRequest(
        tenant=visit.tenant,
        what="challenge",
        domain=label,
        since=Timestamp(seconds=int(time.time() - since_s)),
        page=common_pb2.Page(size=PAGE),
    )
    for _ in range(PAGES):
        try:
            answer = await visit.ask.records.ListUnrecorded(request)
        except grpc.aio.AioRpcError as error:
            if missing_method(error, "records", "ListUnrecorded"):
                return Found()
            raise
        rows += answer.counts
        request.page.token = answer.next_page_token
        if not answer.next_page_token:
            break
    if not rows:
        return Found(is_cut=bool(request.page.token))
    pops = {edge.edge: edge.pop for edge, _ in visit.ask.edges}
    found = by_source(rows, pops, {domain.label: domain for domain in domains})
    return Found(found[:shown], len(found[shown:]), bool(request.page.token))


def by_source(rows: Iterable[records_pb2.Unrecorded], pops: Mapping[str, str], domains: Mapping[str, pb.Domain]) -> list[Unanswered]:
    """The last challenged first. `pops` has the point of presence of each edge; one that is not known is told by its own name."""
    grouped: dict[tuple[str, str, str], list[records_pb2.Unrecorded]] = {}
    for row in rows:
        grouped.setdefault((row.tenant, row.source, row.domain), []).append(row)
    found = [
        Unanswered(
            source="" if source == OTHERS else source,
            domain=domain,
            number=sum(row.number for row in group),
            pops=sorted({pops.get(edge, edge) for row in group for edge in row.edges}),
            last=max((row.minute_time for row in group), key=Timestamp.ToNanoseconds),
            offered=list(domains[domain].digest_algorithms) if domain in domains else (),
            status=domains[domain].challenge_status if domain in domains else 0,
        )
        for (_, source, domain), group in grouped.items()
    ]
    return sorted(found, key=lambda each: each.last.ToNanoseconds(), reverse=True)


OTHERS: Final = "others"
"""As the edges name them."""
