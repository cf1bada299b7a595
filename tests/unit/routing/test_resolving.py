"""Where a number would go, and why nowhere."""

from __future__ import annotations

import pytest

from trunkline.api.routing.v1 import routing_pb2
from trunkline.domain.directory import Directory
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import (
    PLATFORM,
    CarrierCreated,
    ClassOfServiceSet,
    DeckActivated,
    DeckRow,
    DeckRowsAdded,
    DeckStarted,
    DomainCreated,
    Event,
    GatewayAdded,
    Kind,
    Position,
    TenantId,
)
from trunkline.domain.facts import Fact
from trunkline.routing.resolving import resolve

ACME = TenantId("acme")


@pytest.fixture
def directory() -> Directory:
    """Deck: +31 by alpha, which has a gateway in eu and one in us; the domain acme may call +31 only."""
    made = Directory()
    facts: list[tuple[Kind, TenantId, str, Event]] = [
        (Kind.CARRIER, PLATFORM, "alpha", CarrierCreated()),
        (Kind.CARRIER, PLATFORM, "alpha", GatewayAdded("us", "2001:db8::9", 5080, "udp", "us", 0)),
        (Kind.CARRIER, PLATFORM, "alpha", GatewayAdded("eu", "127.0.9.1", 5060, "udp", "eu", 1)),
        (Kind.DECK, PLATFORM, "standard", DeckStarted(1, 2, "EUR", b"s" * 32)),
        (
            Kind.DECK,
            PLATFORM,
            "standard",
            DeckRowsAdded(1, (DeckRow("31", "alpha", 0, 1, 12_500, "NL"), DeckRow("44", "alpha", 0, 1, 1, "UK"))),
        ),
        (Kind.DECK, PLATFORM, "standard", DeckActivated(1)),
        (Kind.DOMAIN, ACME, "acme", DomainCreated("acme")),
        (Kind.DOMAIN, ACME, "acme", ClassOfServiceSet(("31",))),
    ]
    for position, (kind, tenant, aggregate, event) in enumerate(facts, 1):
        made.apply(Fact(Position(position), kind, tenant, aggregate, event, 1))
    return made


def ask(
    directory: Directory, number: str, region: str = "eu", tenant: TenantId | None = None, domain: str = ""
) -> routing_pb2.ResolveResponse:
    return resolve(directory, number=number, region=region, tenant=tenant, domain=domain, position=8, randomness=0.0)


def test_gateways_of_the_asking_region_come_first(directory: Directory) -> None:
    assert [gateway.gateway for gateway in ask(directory, "+31201234567").gateways] == ["eu", "us"]
    assert [gateway.gateway for gateway in ask(directory, "+31201234567", "us").gateways] == ["us", "eu"]


def test_an_address_is_written_so_that_its_port_can_be_told(directory: Directory) -> None:
    assert [gateway.address for gateway in ask(directory, "31201234567").gateways] == ["127.0.9.1:5060", "[2001:db8::9]:5080"]


def test_a_domains_class_of_service_counts_where_the_domain_is_named(directory: Directory) -> None:
    assert ask(directory, "+442071234567").reason == ""
    assert ask(directory, "+442071234567", tenant=ACME, domain="acme").reason == "T301"
    assert ask(directory, "+31201234567", tenant=ACME, domain="ACME").reason == ""


@pytest.mark.parametrize(("tenant", "domain"), [(ACME, "other"), (TenantId("globex"), "acme"), (None, "acme")])
def test_a_domain_that_the_tenant_has_not_is_not_found(directory: Directory, tenant: TenantId | None, domain: str) -> None:
    with pytest.raises(Refusal) as caught:
        ask(directory, "+31201234567", tenant=tenant, domain=domain)
    assert (caught.value.code, caught.value.reason) == (ErrorCode.NOT_FOUND, "DOMAIN_NOT_FOUND")
