"""What DNS says of the platform's names, so that SIP clients find a POP (RFC 3263): NAPTR, SRV, A and AAAA records. Pure.

A domain's default name leads to the home region's POPs first and to every other region's after, or to the domain's nearest POP before all
others; a bound name leads to its POP and nowhere else, whatever state that POP is in. A POP has a name of its own, which SRV records lead
to. Records do not depend on which domain it is, but for its nearest POP, so they are made once for each change of the POPs (`steer`), not
once a domain. There are no wildcards: they would answer for typing errors. What a long label below a long realm makes longer than a name
may be (RFC 1035 §2.3.4) is left out, and nothing leads there.

Left out: the zone's own SOA and NS records, which belong to the server that answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from types import MappingProxyType
from typing import Final, Literal

from trunkline.domain.host_names import bound_name, default_name, pop_name
from trunkline.domain.names import MAX_HOST_NAME
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
DOOR_STEP: Final = 5
"""Behind the POPs' standard ports, before the next tier."""


@dataclass(frozen=True, slots=True)
class Door:
    """A further address of a POP with ports of its own: `port` for UDP and TCP, `tls_port`. Clients find it by SRV only, which has a port
    for each name, so it has a name of its own."""

    address: str
    port: int
    tls_port: int


@dataclass(frozen=True, slots=True)
class PopSite:
    """A POP as DNS knows it. `addresses` are IP literals of either family, `transports` those it serves on the standard ports; neither is
    empty. All of them are served at its `door` too, where it has one."""

    name: str
    region: str
    addresses: tuple[str, ...]
    transports: tuple[Transport, ...] = ("udp",)
    door: Door | None = None


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
    """Where the kinds of names lead now: default names, those of domains with a nearest POP by that, bound names and POPs' own names by
    POP; among the latter are those of their doors."""

    realm: str
    ttl_s: int
    default: Answers
    nearest: Mapping[str, Answers]
    bound: Mapping[str, Answers]
    pops: Mapping[str, Answers]

    def default_of(self, nearest: str) -> Answers:
        """Of a domain with that nearest POP; empty, or one that is no more: as for the others."""
        return self.nearest.get(nearest, self.default)


Silent = Mapping[str, Collection[str]]
"""Transports that do not answer, by POP."""


def steer(
    realm: str,
    pops: Sequence[PopSite],
    states: Mapping[str, PopState],
    policy: Policy,
    silent: Silent = MappingProxyType({}),
) -> Steering:
    """`pops` are all POPs, none twice, at least one; `states` what is believed of them (`pop_states.believe`), READY of those it does not
    name. A POP that is not ready is left out of default names. Where none is, draining ones are better than none, and where all are down
    all of them: a client that gets no answer has nowhere to try. SRV records of default names leave out what is `silent` at a
    POP, where another has it."""
    assert pops, "a platform without a POP has no names"
    ready, draining = (
        [pop for pop in pops if states.get(pop.name, PopState.READY) is state] for state in (PopState.READY, PopState.DRAINING)
    )
    usable = ready or draining or pops
    tiers = _tiers(usable, policy.home)
    return Steering(
        realm,
        policy.ttl_s,
        _answers(realm, tiers, tiers[0], silent),
        {pop.name: _nearest(realm, pop, usable, silent) for pop in pops},
        {pop.name: _answers(realm, [[pop]], [pop]) for pop in pops},
        {pop.name: _answers(realm, [], [pop]) for pop in pops}
        | {door_label(pop.name): _door_answers(pop.door) for pop in pops if pop.door is not None},
    )


def door_label(pop: str) -> str:
    """Of the name of a POP's door; no domain has a hyphen in its own."""
    return f"{pop}-door"


def _door_answers(door: Door) -> Answers:
    is_v4 = isinstance(ip_address(door.address), IPv4Address)
    return Answers({}, (door.address,) if is_v4 else (), () if is_v4 else (door.address,))


NearestOf = Callable[[str], str | None]
"""A domain's nearest POP by its label, empty where it has none; None where there is no such domain."""


def find(steering: Steering, labels: Sequence[str], nearest_of: NearestOf) -> tuple[RecordSet, ...] | None:
    """What stands at a name below the realm, given as its labels in lower case, leftmost first, without the realm's: empty where the name
    is there but has no records (RFC 8020), None where there is no such name. A domain with the name of a POP is not seen."""
    match tuple(labels):
        case (pop,) if pop in steering.pops:
            return tuple(_sets(steering, pop_name(pop, steering.realm), steering.pops[pop]))
        case (*prefix, label, pop) if pop in steering.bound and not label.startswith("_"):
            name = bound_name(label, pop, steering.realm)
            return _below(steering, prefix, name, steering.bound[pop]) if nearest_of(label) is not None else None
        case (*prefix, label) if label not in steering.pops and (nearest := nearest_of(label)) is not None:
            return _below(steering, prefix, default_name(label, steering.realm), steering.default_of(nearest))
        case _:
            return None


def record_sets(domains: Mapping[str, str], steering: Steering) -> Iterator[RecordSet]:
    """The whole zone but its SOA and NS: what a server is told that does not ask us. `domains` are nearest POPs by label."""
    yield from pop_sets(steering)
    for label, nearest in domains.items():
        yield from domain_sets(label, nearest, steering)


def pop_sets(steering: Steering) -> Iterator[RecordSet]:
    """At the POPs' own names."""
    for pop, answers in steering.pops.items():
        yield from _sets(steering, pop_name(pop, steering.realm), answers)


def domain_sets(label: str, nearest: str, steering: Steering) -> Iterator[RecordSet]:
    """At all names of one domain, the default name first; none for a domain with the name of a POP."""
    for pop in ("", *steering.bound) if label not in steering.pops else ():
        yield from host_sets(label, pop, nearest, steering)


def host_sets(label: str, pop: str, nearest: str, steering: Steering) -> Iterator[RecordSet]:
    """At one name of a domain and below it: the one bound to `pop`, or with an empty one the default name."""
    name = bound_name(label, pop, steering.realm) if pop else default_name(label, steering.realm)
    if not _fits(name):
        return
    answers = steering.bound[pop] if pop else steering.default_of(nearest)
    yield from _sets(steering, name, answers)
    for prefix, services in answers.srv.items():
        if _fits(owner := f"{'.'.join(prefix)}.{name}"):
            yield RecordSet(owner, "SRV", steering.ttl_s, services)


def _tiers(pops: Sequence[PopSite], region: str) -> list[list[PopSite]]:
    """By region, that one first and then what is near to it."""
    by_region: dict[str, list[PopSite]] = {}
    for pop in pops:
        by_region.setdefault(pop.region, []).append(pop)
    return [by_region[each] for each in nearest_first(region, by_region)]


def _nearest(realm: str, nearest: PopSite, usable: Sequence[PopSite], silent: Silent) -> Answers:
    """A default name that leads to `nearest` first, to its region next, and on from there; without it where it is not usable."""
    tiers = _tiers([pop for pop in usable if pop is not nearest], nearest.region)
    if nearest in usable:
        tiers.insert(0, [nearest])
    return _answers(realm, tiers, tiers[0], silent)


def _answers(realm: str, tiers: Sequence[Sequence[PopSite]], nearest: Sequence[PopSite], silent: Silent = MappingProxyType({})) -> Answers:
    """`tiers` are POPs in the order in which they are to be tried; `nearest` those whose addresses stand at the name itself."""
    srv: dict[tuple[str, str], tuple[Srv, ...]] = {}
    for service in _SERVICES:
        serving = [[pop for pop in tier if service.transport in pop.transports] for tier in tiers]
        heard = [[pop for pop in tier if service.transport not in silent.get(pop.name, ())] for tier in serving]
        targets = _targets([tier for tier in (heard if any(heard) else serving) if tier])
        if targets:
            standard = [Srv(PRIORITY_STEP * (rank + 1), SRV_WEIGHT, service.port, pop_name(pop.name, realm)) for rank, pop in targets]
            srv[service.prefix] = tuple(sorted([*standard, *_doors(realm, service, targets)], key=lambda each: each.priority))
    v4: list[str] = []
    v6: list[str] = []
    for pop in nearest:
        for address in pop.addresses:
            (v4 if isinstance(ip_address(address), IPv4Address) else v6).append(address)
    return Answers(srv, tuple(v4[:ADDRESS_LIMIT]), tuple(v6[:ADDRESS_LIMIT]))


def _doors(realm: str, service: _Service, targets: Sequence[tuple[int, PopSite]]) -> list[Srv]:
    """As many as there is room for beside the POPs themselves."""
    found = []
    for rank, pop in targets:
        if pop.door is not None:
            port = pop.door.tls_port if service.transport == "tls" else pop.door.port
            found.append(Srv(PRIORITY_STEP * (rank + 1) + DOOR_STEP, SRV_WEIGHT, port, pop_name(door_label(pop.name), realm)))
    return found[: SRV_LIMIT - len(targets)]


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
        Naptr(PRIORITY_STEP * (rank + 1), PRIORITY_STEP, service.naptr, replacement)
        for rank, service in enumerate(_SERVICES)
        if service.prefix in answers.srv and _fits(replacement := f"{'.'.join(service.prefix)}.{name}")
    )
    if naptr:
        yield RecordSet(name, "NAPTR", steering.ttl_s, naptr)
    if answers.a:
        yield RecordSet(name, "A", steering.ttl_s, answers.a)
    if answers.aaaa:
        yield RecordSet(name, "AAAA", steering.ttl_s, answers.aaaa)


def _fits(name: str) -> bool:
    return len(name) <= MAX_HOST_NAME
