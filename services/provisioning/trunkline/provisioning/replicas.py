"""Where every process that follows the log stands: what services tell of themselves, and what edges answer."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.provisioning.calls_links import CallsLink
from trunkline.runtime.logs import logger
from trunkline.runtime.replica_report import SUBJECT, TELL_S, ReplicaReport, parse_report

SILENT_S: Final = 4 * TELL_S
"""Without a word for so long a process is down or cut off."""
FORGOTTEN_S: Final = 86_400.0
"""Then it is taken away: somebody has put it out of service."""
MAX_PROCESSES: Final = 1_000

FOLLOWING, BEHIND, REBUILDING, INCOMPLETE, SILENT = "following", "behind", "rebuilding", "incomplete", "silent"
_EDGE_STATES: Final = {"COLD": INCOMPLETE, "DEGRADED": INCOMPLETE, "UNREACHABLE": SILENT}
_ISOLATED_S: Final = 5.0
"""Without a beacon for so long an edge records its calls as decided without the log."""

_log = logger("replicas")


class ReplicaBook:
    """The last word of each process, as this one has heard it since its start. `expected` are the regions of processes that are silent
    while they have said nothing."""

    def __init__(self, expected: Mapping[str, str] | None = None) -> None:
        self._expected = dict(expected or {})
        self._heard: OrderedDict[str, tuple[float, ReplicaReport]] = OrderedDict()

    def hear(self, report: ReplicaReport, now_s: float) -> None:
        """`now_s` by a clock that never goes back."""
        self._heard[report.process] = (now_s, report)
        self._heard.move_to_end(report.process)
        while len(self._heard) > MAX_PROCESSES or next(iter(self._heard.values()))[0] < now_s - FORGOTTEN_S:
            self._heard.popitem(last=False)

    def replicas(self, now_s: float) -> list[pb.Replica]:
        heard = [_of_report(report, now_s - heard_s) for heard_s, report in self._heard.values()]
        return [*heard, *(_not_heard(process, region) for process, region in self._expected.items() if process not in self._heard)]


def _not_heard(process: str, region: str) -> pb.Replica:
    problem = "nothing was heard of it since provisioning began"
    kind = process.partition("-")[0]
    return pb.Replica(process=process, kind=kind, region=region, state=SILENT, age_s=-1.0, heard_s=-1.0, problem=problem)


def _of_report(report: ReplicaReport, heard_s: float) -> pb.Replica:
    if heard_s > SILENT_S:
        state = SILENT
    elif report.is_rebuilding:
        state = REBUILDING
    elif not report.is_complete:
        state = INCOMPLETE
    else:
        state = FOLLOWING if report.is_following else BEHIND
    return pb.Replica(
        process=report.process,
        kind=report.process.partition("-")[0],
        region=report.region,
        state=state,
        position=report.position,
        digest=report.digest,
        lag=report.lag,
        age_s=report.age_s,
        epoch=report.epoch,
        heard_s=heard_s,
    )


def of_edge(pop: pb.Pop) -> pb.Replica:
    """As `ListPops` has it."""
    is_cut_off = not pop.is_log_connected or pop.age_s < 0 or pop.age_s > _ISOLATED_S
    return pb.Replica(
        process=pop.edge,
        kind="edge",
        region=pop.region,
        state=_EDGE_STATES.get(pop.state, BEHIND if is_cut_off else FOLLOWING),
        position=pop.position,
        digest=pop.digest,
        lag=pop.lag,
        age_s=pop.age_s,
        problem=pop.problem,
    )


def listed(replicas: Sequence[pb.Replica], home: str, regions: Sequence[str], *, epoch: str, head: int) -> pb.ListReplicasResponse:
    """`regions` are those that are known besides the replicas' own."""
    known = {home, *regions, *(each.region for each in replicas)}
    names = sorted(known, key=lambda name: (name != home, name))
    heard = [each for each in replicas if each.state != SILENT]
    digests = Counter((each.position, each.digest) for each in heard)
    positions = Counter(each.position for each in heard)
    for each in heard:
        # As of points of presence: whoever has another digest than most of those at its position.
        each.differs = 2 * digests[each.position, each.digest] < positions[each.position]
    rows = sorted(replicas, key=lambda each: (names.index(each.region), each.process))
    of_regions = [_region(name, [each for each in rows if each.region == name], is_home=name == home) for name in names]
    return pb.ListReplicasResponse(home=home, epoch=epoch, head=head, regions=of_regions, replicas=rows)


def _region(name: str, rows: Sequence[pb.Replica], *, is_home: bool) -> pb.Region:
    heard = [each for each in rows if each.state != SILENT]
    return pb.Region(
        name=name,
        is_home=is_home,
        replicas=len(rows),
        following=sum(each.state == FOLLOWING and not each.differs for each in rows),
        position=min((each.position for each in heard), default=0),
        lag=max((each.lag for each in heard), default=0),
        age_s=min((each.age_s for each in heard if each.age_s >= 0), default=-1.0),
    )


def add_links(regions: Iterable[pb.Region], links: Mapping[str, CallsLink]) -> None:
    for region in regions:
        link = links.get(region.name)
        if link is not None:
            region.calls_lag = link.lag
            if link.age_s is not None:
                region.calls_age_s = link.age_s


async def hear_replicas(client: Client, book: ReplicaBook) -> None:
    """Returns at once; what cannot be read is logged and left out."""

    async def on_message(message: Msg) -> None:
        try:
            report = parse_report(message.data)
        except ValueError as error:
            _log.warning("a report of a replica cannot be read", subject=message.subject, why=str(error))
            return
        if message.subject != f"{SUBJECT}.{report.process}":
            # A process may speak for itself only: the server sees to the subject.
            _log.warning("a report under another's subject", subject=message.subject, process=report.process)
            return
        book.hear(report, time.monotonic())

    await client.subscribe(f"{SUBJECT}.>", cb=on_message)
