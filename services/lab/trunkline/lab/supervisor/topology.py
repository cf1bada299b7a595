"""What runs on one machine: regions, points of presence, services, simulated carriers, links. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

HOME: Final = "eu"
REGIONS: Final = ("eu", "us", "apac")
"""Home first; the number of a region is the third octet of its addresses."""

POP_REGIONS: Final[Mapping[str, str]] = {"eu1": "eu", "eu2": "eu", "us1": "us", "us2": "us", "apac1": "apac", "apac2": "apac"}
SERVICES: Final = ("auth", "provisioning", "routing", "records", "dns")
DASHBOARD: Final = f"dashboard-{HOME}"
"""Pages for browsers; one, at home."""
REST: Final = f"rest-{HOME}"
"""HTTP for programs; one, at home."""
CARRIERS: Final = ("alpha", "beta")
"""The first is trusted and answers 503 where one does, the second is neither."""

SPARE: Final = "b"
"""Behind the name of a point of presence: the process of its second edge."""

MAX_LINK_MS: Final = 10_000
MAX_WORKERS: Final = 16
"""Of an edge."""


class TopologyProblem(ValueError):
    """What was asked for does not exist; the text says what there is."""


@dataclass(frozen=True, slots=True)
class Pop:
    """And one of its edges: the first, or the spare that waits for its addresses."""

    name: str
    region: str
    is_spare: bool = False

    @property
    def edge(self) -> str:
        return f"edge-{self.name}{SPARE if self.is_spare else ''}"

    @property
    def octets(self) -> str:
        """The last two of its address."""
        return f"{REGIONS.index(self.region) + 1}.{self.name[-1]}"


@dataclass(frozen=True, slots=True)
class Carrier:
    """A simulated carrier in one region; the carriers of one `name` are one company with a gateway in each region."""

    name: str
    region: str

    @property
    def key(self) -> str:
        return f"{self.name}-{self.region}"

    @property
    def process(self) -> str:
        return f"carrier-{self.key}"

    @property
    def is_trusted(self) -> bool:
        return self.name == CARRIERS[0]

    @property
    def asks_for_certificates(self) -> bool:
        """Over TLS: mutual TLS."""
        return not self.is_trusted

    @property
    def octets(self) -> str:
        return f"9.{2 * REGIONS.index(self.region) + CARRIERS.index(self.name) + 1}"


@dataclass(frozen=True, slots=True)
class Topology:
    """`service_regions` have a set of services each. `links` are milliseconds one way between a region and all others. Each edge has so
    many `workers`. `has_spares`: each point of presence has two edges, of which one waits for the addresses of the other."""

    pops: tuple[Pop, ...]
    service_regions: tuple[str, ...]
    links: Mapping[str, int] = field(default_factory=dict)
    workers: int = 1
    has_spares: bool = False

    @property
    def regions(self) -> tuple[str, ...]:
        """Home, and those that have a point of presence."""
        used = {HOME, *(pop.region for pop in self.pops)}
        return tuple(region for region in REGIONS if region in used)

    @property
    def edges(self) -> tuple[Pop, ...]:
        """Of each point of presence its edge, then the spares."""
        return (*self.pops, *(replace(pop, is_spare=True) for pop in self.pops if self.has_spares))

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        return tuple(Carrier(name, region) for region in self.regions for name in CARRIERS)

    @property
    def services(self) -> tuple[tuple[str, str], ...]:
        """(kind, region); the process is `<kind>-<region>`."""
        return tuple((kind, region) for region in self.service_regions for kind in SERVICES)

    def region_of(self, process: str) -> str:
        """Of a service or an edge."""
        kind, _, place = process.partition("-")
        return POP_REGIONS[place.removesuffix(SPARE)] if kind == "edge" else place

    def nearest(self, kind: str, region: str) -> tuple[str, ...]:
        """The processes of that kind, own region first, then home, then the others."""
        order = sorted(self.service_regions, key=lambda each: (each != region, each != HOME))
        return tuple(f"{kind}-{each}" for each in order)

    def link_between(self, one: str, other: str) -> str | None:
        """The region whose link a connection from `one` to `other` passes; None where nothing lies between."""
        if one == other:
            return None
        return next((region for region in (one, other) if region in self.links), None)


def choose_topology(
    pops: str = "", services: str = "home", links: Iterable[str] = (), workers: int = 1, *, has_spares: bool = False
) -> Topology:
    """From the words of the command line: `eu1,us1`, `home` or `all`, `us=40`, 2. Raises TopologyProblem."""
    names = [name.strip() for name in pops.split(",") if name.strip()] or list(POP_REGIONS)
    unknown = [name for name in names if name not in POP_REGIONS]
    if unknown:
        raise TopologyProblem(f"there is no point of presence {unknown[0]!r}; there are: {', '.join(POP_REGIONS)}")
    chosen = tuple(Pop(name, POP_REGIONS[name]) for name in POP_REGIONS if name in names)
    if services not in ("home", "all"):
        raise TopologyProblem(f"services run at 'home' or in 'all' regions, not {services!r}")
    without_services = Topology(chosen, (HOME,))
    delays = dict(_link(word, without_services.regions) for word in links)
    if not 1 <= workers <= MAX_WORKERS:
        raise TopologyProblem(f"an edge has 1 to {MAX_WORKERS} workers, not {workers}")
    return Topology(chosen, without_services.regions if services == "all" else (HOME,), delays, workers, has_spares)


def _link(word: str, regions: tuple[str, ...]) -> tuple[str, int]:
    region, _, delay = word.partition("=")
    others = [each for each in regions if each != HOME]
    if region not in others:
        raise TopologyProblem(f"there is no link of {region!r}; links lead from home to: {', '.join(others) or 'nowhere, with these POPs'}")
    if not delay.isdigit() or int(delay) > MAX_LINK_MS:
        raise TopologyProblem(f"{word!r}: write a link as REGION=MILLISECONDS, 0 to {MAX_LINK_MS}, such as us=40")
    return region, int(delay)
