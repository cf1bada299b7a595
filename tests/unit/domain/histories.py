"""Random valid histories: commands, decided on the state so far, folded into facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from trunkline.domain import commands as c
from trunkline.domain.compaction import compaction
from trunkline.domain.decide import decide
from trunkline.domain.decide_access import KEY_HASH_BYTES, SEALED_BYTES
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal
from trunkline.domain.events import CarrierSettings, DeckRow, Event, IdentityPolicy, Kind, Position, TenantId
from trunkline.domain.facts import Fact

TENANTS = ("acme", "beta")


@dataclass
class History:
    """What the log would hold, and its fold."""

    directory: Directory = field(default_factory=Directory)
    facts: list[Fact] = field(default_factory=list)
    position: int = 0
    versions: dict[tuple[Kind, str, str], int] = field(default_factory=dict)

    def execute(self, command: c.Command) -> None:
        """Raises Refusal."""
        decision = decide(self.directory, command)
        if not decision.events:
            return
        self.commit(decision.kind, decision.tenant, decision.aggregate, decision.events)
        for claim in decision.claims:
            self.commit(Kind.CLAIM, decision.tenant, claim.claim, (claim.event,))

    def attempt(self, command: c.Command) -> None:
        try:
            self.execute(command)
        except Refusal:
            return

    def commit(self, kind: Kind, tenant: TenantId, aggregate: str, events: Iterable[Event]) -> None:
        key = (kind, tenant if kind is not Kind.CLAIM else "", aggregate)
        self.versions[key] = version = self.versions.get(key, 0) + 1
        self.position += 1
        for event in events:
            fact = Fact(Position(self.position), kind, tenant, aggregate, event, version)
            self.facts.append(fact)
            self.directory.apply(fact)


def retained(facts: Iterable[Fact]) -> list[Fact]:
    """What a replica keeps, by the rules of `compaction` alone; in the order of the log."""
    kept: dict[str, tuple[int, Fact]] = {}
    for ordinal, fact in enumerate(facts):
        rule = compaction(fact)
        for drop in rule.drops:
            for key in [key for key in kept if key == drop or (drop.endswith("/") and key.startswith(drop))]:
                del kept[key]
        if rule.key is not None:
            kept[rule.key] = (ordinal, fact)
    return [fact for _, fact in sorted(kept.values(), key=lambda entry: entry[0])]


def replayed(facts: Iterable[Fact]) -> Directory:
    directory = Directory()
    for fact in facts:
        directory.apply(fact)
    return directory


def contents(directory: Directory) -> dict[str, object]:
    """Everything a directory answers, comparable."""
    tenants = [*directory.tenants, TenantId("nobody")]
    return {
        "tenants": dict(directory.tenants),
        "api_keys": dict(directory.api_keys),
        "by_hash": {key.key_hash: directory.api_key(key.key_hash) for key in directory.api_keys.values()},
        "acls": {
            tenant: [(acl, list(acl.addresses.values()), list(acl.accounts.values())) for acl in directory.acls(tenant).values()]
            for tenant in tenants
        },
        "domains": {tenant: list(directory.domains(tenant).values()) for tenant in tenants},
        "attached": {(tenant, acl): directory.domains_with(tenant, acl) for tenant in tenants for acl in directory.acls(tenant)},
        "credentials": dict(directory.credentials),
        "used": {key: directory.is_credential_used(*key) for key in directory.credentials},
        "carriers": dict(directory.carriers),
        "decks": dict(directory.decks),
        "routes": list(directory.routes.rows_under("")),
        "drains": dict(directory.drains),
        "claims": dict(directory.claims),
    }


def _pool() -> list[c.Command]:
    """Every command over few names, so that a random sequence of some hundred creates, changes, deletes and creates again."""
    pool: list[c.Command] = []
    for tenant in map(TenantId, TENANTS):
        pool += [c.SetClassOfService(tenant, "", (), 600), c.SetClassOfService(tenant, "", ("31",), 0, ("NL",), True, 1, "EUR")]
        pool += [c.SetLimits(tenant, "", 7, 2), c.SetLimits(tenant, "", 0, 0)]
        pool += [c.SuspendTenant(tenant), c.SuspendTenant(tenant, True), c.ResumeTenant(tenant)]
        pool += [c.SetWebhook(tenant, "https://hooks.example.com/a"), c.SetWebhook(tenant, "", True), c.SetWebhook(tenant, "")]
        for key, seed in (("k1", 1), ("k2", 2)):
            pool += [c.CreateApiKey(tenant, key, bytes([seed]) * KEY_HASH_BYTES), c.RevokeApiKey(tenant, key)]
        for acl in ("office", "pbx"):
            pool += [c.CreateAcl(tenant, acl), c.DeleteAcl(tenant, acl)]
            for cidr in ("192.0.2.0/24", "2001:db8::/31"):
                pool += [c.AddAddress(tenant, acl, cidr), c.ApproveBanExemption(tenant, acl, cidr), c.RemoveAddress(tenant, acl, cidr)]
            for credential in ("c1", "c2"):
                pool += [c.AddAccount(tenant, acl, "alice", credential), c.ChangeAccountCredential(tenant, acl, "alice", credential)]
            pool += [c.RemoveAccount(tenant, acl, "alice")]
            for label in ("acme", "beta"):
                pool += [c.AttachAcl(tenant, label, acl), c.DetachAcl(tenant, label, acl)]
        for credential in ("c1", "c2"):
            pool += [c.SetCredential(tenant, credential, "alice", "r", "k", seal * SEALED_BYTES) for seal in (b"a", b"b")]
            pool += [c.EraseCredential(tenant, credential)]
        for label in ("acme", "beta"):
            pool += [c.CreateDomain(tenant, label), c.DeleteDomain(tenant, label)]
            pool += [c.SetDigestPolicy(tenant, label, algorithms) for algorithms in (("MD5",), ("SHA-256", "MD5"))]
            pool += [c.SetClassOfService(tenant, label, prefixes) for prefixes in ((), ("31",))]
            pool += [c.SetLimits(tenant, label, calls) for calls in (0, 5)]
            pool += [c.SetIdentityPolicy(tenant, label, policy) for policy in (IdentityPolicy(), IdentityPolicy(hiding="on"))]
            pool += [c.SetCapture(tenant, label, percent, 1_600, 1_000) for percent in (0, 10)]
            pool += [c.SetNearestPop(tenant, label, pop, ("eu1", "us1")) for pop in ("", "us1")]
    for carrier in ("alpha", "bravo"):
        pool += [c.CreateCarrier(carrier, CarrierSettings()), c.ChangeCarrier(carrier, CarrierSettings(is_trusted=True))]
        pool += [c.ChangeCarrier(carrier, CarrierSettings())]
        pool += [c.SuspendCarrier(carrier), c.SuspendCarrier(carrier, True), c.ResumeCarrier(carrier)]
        for gateway, host in (("g1", "192.0.2.7"), ("g2", "192.0.2.8")):
            pool += [c.AddGateway(carrier, gateway, host, "eu"), c.RemoveGateway(carrier, gateway)]
            pool += [c.ChangeGateway(carrier, gateway, host="192.0.2.9"), c.ChangeGateway(carrier, gateway, priority=3, weight=0)]
    for pop in ("eu1", "us1"):
        pool += [c.DrainPop(pop, ("eu1", "us1"), note, 1000) for note in ("", "new kernel")] + [c.UndrainPop(pop, ("eu1", "us1"))]
    for deck in ("standard", "premium"):
        pool += [c.StartDeck(deck, "EUR", 1, b"1" * 32)]
        for revision in (1, 2, 3, 4):
            row = DeckRow("31", "alpha", rate_micros=revision)
            pool += [c.AddDeckRows(deck, revision, b"1" * 32, 0, (row,)), c.ActivateDeck(deck, revision, b"1" * 32)]
    return pool


commands = st.sampled_from(_pool())

SETTING_UP: tuple[c.Command, ...] = (
    *(c.CreateTenant(TenantId(tenant)) for tenant in TENANTS),
    *(c.CreateAcl(TenantId(tenant), "office") for tenant in TENANTS),
    *(c.SetCredential(TenantId(tenant), "c1", "alice", "r", "k", b"a" * SEALED_BYTES) for tenant in TENANTS),
    c.CreateDomain(TenantId("acme"), "acme"),
    c.CreateCarrier("alpha", CarrierSettings()),
    c.CreateCarrier("bravo", CarrierSettings()),
)
"""So that most random commands find what they need."""


def history_of(more: Iterable[c.Command]) -> History:
    """What was refused leaves no trace."""
    history = History()
    for command in SETTING_UP:
        history.execute(command)
    for command in more:
        history.attempt(command)
    return history
