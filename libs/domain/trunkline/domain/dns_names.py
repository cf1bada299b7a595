"""What DNS says of the platform's names, so that SIP clients find a POP (RFC 3263): NAPTR, SRV, A and AAAA records. Pure.

A domain's default name leads to the home region's POPs first and to every other region's after; a bound name leads to its POP and nowhere
else, whatever state that POP is in. A POP has a name of its own, which SRV records lead to. Records do not depend on which domain it is, so
they are made once for each change of the POPs (`steer`), not once a domain. There are no wildcards: they would answer for typing errors.

Left out: the zone's own SOA and NS records, which belong to the server that answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address
from typing import Final, Literal

from trunkline.domain.host_names import bound_name, default_name, pop_name
from trunkline.domain.pop_states import PopState
from trunkline.domain.regions import nearest_first

Transport = Literal["tls", "tcp", "udp"]
Type = Literal["NAPTR", "SRV", "A", "AAAA"]

SRV_LIMIT: Final = 4
"""Targets of one name; there are gateways in the field that read no more than four (field notes A1)."""
HOME_TARGETS: Final = 2
"""Of them the home region's; the others go round the other regions, so that the four reach as many regions as they can."""
ADDRESS_LIMIT: Final = 8
"""A or AAAA records of one name: an answer over UDP stays whole, and most clients that know no SRV use the first only."""
SRV_WEIGHT: Final = 50
PRIORITY_STEP: Final = 10


@dataclass(frozen=True, slots=True)
class PopSite:
    """A POP as DNS knows it. `addresses` are IP literals of either family, `transports` those it serves on the standard ports; neither is
    empty."""

    name: str
    region: str
    addresses: tuple[str, ...]
    transports: tuple[Transport, ...] = ("udp",)
    state: PopState = PopState.READY


@dataclass(frozen=True, slots=True)
class Policy:
    """`home` is the region that default names lead to first."""

    home: str
    ttl_s: int = 30


@dataclass(frozen=True, slots=True)
class Naptr:
    """Flags "s", no regular expression; `replacement` is a full name, as are all here, without the last dot."""

    order: int
    preference: int
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class RecordSet:
    """All records of one type at one name; never empty. Those of A and AAAA are IP literals."""

    name: str
    type: Type
    ttl_s: int
    records: tuple[Naptr, ...] | tuple[Srv, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Service:
    transport: Transport
    prefix: tuple[str, str]
    naptr: str
    port: int


_SERVICES: Final = (
    _Service("tls", ("_sips", "_tcp"), "SIPS+D2T", 5061),
    _Service("tcp", ("_sip", "_tcp"), "SIP+D2T", 5060),
    _Service("udp", ("_sip", "_udp"), "SIP+D2U", 5060),
)
"""In the order that clients are asked to prefer: a silent server costs a client 32 s over UDP, and nothing over TCP."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What stands at every name of one kind. `srv` by the two labels in front of the name, such as `_sip`, `_udp`; no value is empty."""

    srv: Mapping[tuple[str, str], tuple[Srv, ...]]
    a: tuple[str, ...]
    aaaa: tuple[str, ...]

    @property
    def transports(self) -> frozenset[str]:
        """`_tcp`, `_udp`: names that hold nothing but have services below."""
        return frozenset(transport for _, transport in self.srv)


@dataclass(frozen=True, slots=True)
class Steering:
    """Where the kinds of names lead now: default names, bound names and POPs' own names, the latter two by POP."""

    realm: str
    ttl_s: int
    default: Answers
    bound: Mapping[str, Answers]
    pops: Mapping[str, Answers]


def steer(realm: str, pops: Sequence[PopSite], policy: Policy) -> Steering:
    """`pops` are all POPs, none twice, at least one. A POP that is not ready is left out of default names. Where more than half seem to be
    down it is our sight that is down: then none is. Where all are draining, draining POPs are better than none."""
    assert pops, "a platform without a POP has no names"
    usable = [pop for pop in _believed(pops) if pop.state is PopState.READY] or [pop for pop in pops if pop.state is not PopState.DOWN]
    by_region: dict[str, list[PopSite]] = {}
    for pop in usable or pops:
        by_region.setdefault(pop.region, []).append(pop)
    tiers = [by_region[region] for region in nearest_first(policy.home, by_region)]
    return Steering(
        realm,
        policy.ttl_s,
        _answers(realm, tiers, tiers[0]),
        {pop.name: _answers(realm, [[pop]], [pop]) for pop in pops},
        {pop.name: _answers(realm, [], [pop]) for pop in pops},
    )


def find(steering: Steering, labels: Sequence[str], has_domain: Callable[[str], bool]) -> tuple[RecordSet, ...] | None:
    """What stands at a name below the realm, given as its labels in lower case, leftmost first, without the realm's: empty where the name
    is there but has no records (RFC 8020), None where there is no such name. A domain with the name of a POP is not seen."""
    match tuple(labels):
        case (pop,) if pop in steering.pops:
            return tuple(_sets(steering, pop_name(pop, steering.realm), steering.pops[pop]))
        case (*prefix, label, pop) if pop in steering.bound and not label.startswith("_"):
            return _below(steering, prefix, bound_name(label, pop, steering.realm), steering.bound[pop]) if has_domain(label) else None
        case (*prefix, label) if label not in steering.pops and has_domain(label):
            return _below(steering, prefix, default_name(label, steering.realm), steering.default)
        case _:
            return None


def record_sets(labels: Iterable[str], steering: Steering) -> Iterator[RecordSet]:
    """The whole zone but its SOA and NS: what a server is told that does not ask us."""
    for pop, answers in steering.pops.items():
        yield from _sets(steering, pop_name(pop, steering.realm), answers)
    for label in labels:
        if label in steering.pops:
            continue
        names = [(default_name(label, steering.realm), steering.default)]
        names += [(bound_name(label, pop, steering.realm), answers) for pop, answers in steering.bound.items()]
        for name, answers in names:
            yield from _sets(steering, name, answers)
            for prefix, services in answers.srv.items():
                yield RecordSet(f"{'.'.join(prefix)}.{name}", "SRV", steering.ttl_s, services)


def _believed(pops: Sequence[PopSite]) -> Sequence[PopSite]:
    down = sum(pop.state is PopState.DOWN for pop in pops)
    if 2 * down <= len(pops):
        return pops
    return [replace(pop, state=PopState.READY) if pop.state is PopState.DOWN else pop for pop in pops]


def _answers(realm: str, tiers: Sequence[Sequence[PopSite]], nearest: Sequence[PopSite]) -> Answers:
    """`tiers` are POPs by region, home's first."""
    srv: dict[tuple[str, str], tuple[Srv, ...]] = {}
    for service in _SERVICES:
        serving = [[pop for pop in tier if service.transport in pop.transports] for tier in tiers]
        targets = _targets([tier for tier in serving if tier])
        if targets:
            srv[service.prefix] = tuple(
                Srv(PRIORITY_STEP * (rank + 1), SRV_WEIGHT, service.port, pop_name(pop.name, realm)) for rank, pop in targets
            )
    v4: list[str] = []
    v6: list[str] = []
    for pop in nearest:
        for address in pop.addresses:
            (v4 if isinstance(ip_address(address), IPv4Address) else v6).append(address)
    return Answers(srv, tuple(v4[:ADDRESS_LIMIT]), tuple(v6[:ADDRESS_LIMIT]))


def _targets(tiers: Sequence[Sequence[PopSite]]) -> list[tuple[int, PopSite]]:
    """At most `SRV_LIMIT`, by tier: the first tier's two, then one of each other tier, then what is left in the order of tiers."""
    chosen = [(0, pop) for pop in tiers[0][:HOME_TARGETS]] if tiers else []
    chosen += [(rank, tier[0]) for rank, tier in enumerate(tiers) if rank > 0][: SRV_LIMIT - len(chosen)]
    left = [(rank, pop) for rank, tier in enumerate(tiers) for pop in tier if (rank, pop) not in chosen]
    chosen += left[: SRV_LIMIT - len(chosen)]
    return sorted(chosen, key=lambda each: each[0])


def _below(steering: Steering, prefix: Sequence[str], name: str, answers: Answers) -> tuple[RecordSet, ...] | None:
    """What stands at `prefix` below a domain's name."""
    match tuple(prefix):
        case ():
            return tuple(_sets(steering, name, answers))
        case (transport,) if transport in answers.transports:
            return ()
        case (service, transport) if (service, transport) in answers.srv:
            return (RecordSet(f"{service}.{transport}.{name}", "SRV", steering.ttl_s, answers.srv[service, transport]),)
        case _:
            return None


def _sets(steering: Steering, name: str, answers: Answers) -> Iterator[RecordSet]:
    naptr = tuple(
        Naptr(PRIORITY_STEP * (rank + 1), PRIORITY_STEP, service.naptr, f"{'.'.join(service.prefix)}.{name}")
        for rank, service in enumerate(_SERVICES)
        if service.prefix in answers.srv
    )
    if naptr:
        yield RecordSet(name, "NAPTR", steering.ttl_s, naptr)
    if answers.a:
        yield RecordSet(name, "A", steering.ttl_s, answers.a)
    if answers.aaaa:
        yield RecordSet(name, "AAAA", steering.ttl_s, answers.aaaa)
