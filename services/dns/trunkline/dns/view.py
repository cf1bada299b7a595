"""What the replica says of names: which domains there are, and where their names lead now."""

from __future__ import annotations

from collections.abc import Callable

from trunkline.dns.settings import DnsSettings
from trunkline.domain.decision import label_claim
from trunkline.domain.directory import Directory
from trunkline.domain.dns_names import Policy, Steering, steer
from trunkline.domain.events import DomainLabel, Kind
from trunkline.domain.pop_states import PopState, believe
from trunkline.domain.views import Domain


class View:
    """`directory` is asked for each time: a replica that was rebuilt has another one. `is_down` says what was measured of a POP, `without`
    which transports do not answer there."""

    def __init__(
        self,
        settings: DnsSettings,
        directory: Callable[[], Directory],
        is_down: Callable[[str], bool],
        without: Callable[[str], tuple[str, ...]] = lambda pop: (),
    ) -> None:
        self._realm = settings.realm
        self._sites = [pop.site for pop in settings.pops]
        self._policy = Policy(settings.home, settings.ttl_s)
        self._directory = directory
        self._is_down = is_down
        self._without = without
        self._silent: dict[str, tuple[str, ...]] = {}
        self.states: dict[str, PopState] = {}
        """What is believed of each POP since `steering` was last asked for."""
        self._seen: dict[str, PopState] | None = None
        self._steering = steer(self._realm, self._sites, {}, self._policy)

    def steering(self) -> Steering:
        """Made anew when POPs have other states; the same object until then."""
        seen = self._see()
        silent = {site.name: without for site in self._sites if (without := self._without(site.name))}
        if seen != self._seen or silent != self._silent:
            self._seen = seen
            believed = believe(self.states, seen)
            if believed != self.states or silent != self._silent:
                self.states, self._silent = believed, silent
                self._steering = steer(self._realm, self._sites, believed, self._policy, silent)
        return self._steering

    def _see(self) -> dict[str, PopState]:
        directory = self._directory()
        drained = {site.name: PopState.READY if directory.drain(site.name) is None else PopState.DRAINING for site in self._sites}
        return {pop: PopState.DOWN if self._is_down(pop) else state for pop, state in drained.items()}

    def nearest_of(self, label: str) -> str | None:
        domain = self.domain(label)
        return None if domain is None else domain.nearest_pop

    def domain(self, label: str) -> Domain | None:
        """Of any tenant: labels are unique over all of them."""
        directory = self._directory()
        claim = directory.claims.get(label_claim(DomainLabel(label)))
        return None if claim is None else directory.domain(claim.owner_tenant, DomainLabel(label))

    def domains(self) -> dict[str, str]:
        """Nearest POPs of all domains by label."""
        directory = self._directory()
        domains = (
            directory.domain(claim.owner_tenant, DomainLabel(claim.owner_aggregate))
            for claim in directory.claims.values()
            if claim.owner_kind == Kind.DOMAIN
        )
        return {domain.label: domain.nearest_pop for domain in domains if domain is not None}
