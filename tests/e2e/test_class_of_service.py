"""What a domain or its tenant may not call is refused by an edge: on the wire, in the record, in its decision. What they may is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from helpers import sipp
from helpers.engine import Peer, Sip
from helpers.platform import Platform
from helpers.platform_grpc import blocking_channel, operator
from helpers.trunks import Trunk, create_customer, record_of

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

TENANT = "thrifty"
CALLER_ID = "+31205550840"
SERVICES = {
    "": {"countries": ["NL", "BE", "GB"], "allows_premium": True},
    "plain": {},
    "belgian": {"countries": ["BE"]},
    "london": {"allowed_prefixes": ["4420"]},
    "frugal": {"max_rate_micros": 7_500, "currency": "EUR"},
}
"""By label, the tenant's own without one. Of the demonstration's deck 31 costs EUR 0.0070 at alpha and 0.0078 at beta, and 32 0.0090 and
0.0100."""


@pytest.fixture(scope="module")
def thrifty(platform: Platform) -> Platform:
    source = f"{platform.loopback}.8.40/32"
    create_customer(platform, TENANT, [Trunk(label, CALLER_ID, address=source) for label in SERVICES if label])
    for label, service in SERVICES.items():
        set_class(platform, label, **service)
    return platform


def set_class(platform: Platform, label: str, **service: object) -> None:
    """Returns when every point of presence keeps it."""
    with blocking_channel(platform, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        request = p.SetClassOfServiceRequest(tenant=TENANT, label=label, **service)  # type: ignore[arg-type]
        position = stub.SetClassOfService(request, metadata=operator(platform), timeout=10).receipt.position
        waiting = p.WaitAppliedRequest(position=position)
        assert all(each.is_applied for each in stub.WaitApplied(waiting, metadata=operator(platform), timeout=30))


def final(platform: Platform, pop: str, label: str, number: str) -> Sip:
    """Of a whole attempt of the customer's, acknowledged."""
    address, _, port = platform.edge(pop).rpartition(":")
    peer = Peer(f"{platform.loopback}.8.40", (address, int(port)))
    host = f"{label}.{platform.local['base_domain']}"
    call = f"{label}-{number}"
    try:
        peer.send(peer.request(host=host, number=number, call=call))
        answer = peer.final()
        peer.send(peer.request("ACK", host=host, number=number, call=call, to_tag=answer.to_tag))
    finally:
        peer.close()
    return answer


@dataclass(frozen=True, slots=True)
class Case:
    """`facts` are the owner's, `details` of the step that refused."""

    label: str
    number: str
    reason: str
    text: str
    stage: str
    facts: str
    details: tuple[str, ...] = field(default=())


NOT_PREMIUM = "premium services and satellite networks: not"
CASES = {
    "a country": Case(
        "belgian",
        "+31201110841",
        "T301",
        "Destination Not Allowed",
        "class_of_service",
        "(NL) is in none of the 1 countries",
        (NOT_PREMIUM,),
    ),
    "a prefix": Case(
        "london",
        "+441611110842",
        "T301",
        "Destination Not Allowed",
        "class_of_service",
        "(44) is in none of the 0 countries and 1 prefixes",
    ),
    "a country of the tenant's": Case(
        "plain", "+49301110843", "T301", "Destination Not Allowed", "class_of_service", "(DE) is in none of the 3 countries"
    ),
    "the price": Case(
        "frugal",
        "+3225550844",
        "T304",
        "Price Above Limit",
        "price",
        "prefix 32 costs alpha 0.009 EUR, beta 0.01 EUR a minute; the domain may pay 0.0075 EUR",
        ("at most 0.0075 EUR a minute",),
    ),
    "premium numbers": Case(
        "plain",
        "+319001110845",
        "T303",
        "Premium Number Not Allowed",
        "class_of_service",
        "is of a premium service, or of a satellite network",
        (NOT_PREMIUM,),
    ),
    "satellites": Case(
        "plain",
        "+8816311110846",
        "T303",
        "Premium Number Not Allowed",
        "class_of_service",
        "is of a premium service, or of a satellite network",
        (NOT_PREMIUM,),
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_what_may_not_be_called_is_refused_and_the_record_says_by_which_rule(thrifty: Platform, what: str) -> None:
    case = CASES[what]
    answer = final(thrifty, "us1", case.label, case.number)
    assert answer.status == 403 and answer.start_line.endswith(case.reason) and case.text in answer.start_line, answer
    assert answer.one("Reason").startswith(f'Q.850;cause=21;text="{case.reason} '), answer
    assert "EUR" not in str(answer) and "countries" not in str(answer), "the facts are the owner's"

    record = record_of(thrifty, TENANT, case.number)
    assert (record.outcome, record.status, record.reason, record.pop, record.domain) == ("refused", 403, case.reason, "us1", case.label)
    assert case.facts in record.facts and not record.attempts

    with blocking_channel(thrifty, "provisioning-eu") as channel:
        request = p.ExplainRequest(tenant=TENANT, record=record)
        told = ProvisioningServiceStub(channel).Explain(request, metadata=operator(thrifty), timeout=10)
    assert (told.outcome, told.reason, told.status, list(told.differences)) == ("refuse", case.reason, 403, [])
    [step] = [step for step in told.checks if step.outcome == "refused"]
    assert (step.stage, step.reason) == (case.stage, case.reason) and case.facts in step.text, step
    assert all(detail in step.details for detail in case.details), step


@pytest.mark.parametrize(("label", "number"), [("belgian", "+3225550851486"), ("london", "+442011110852486")])
def test_what_may_be_called_is(thrifty: Platform, label: str, number: str) -> None:
    assert final(thrifty, "us1", label, number).status == 486


def test_a_route_that_costs_too_much_is_not_used(thrifty: Platform, tmp_path: Path) -> None:
    """The first carrier says 503 to such a number, and that is alpha, which is cheap enough; who may pay beta goes on to it."""
    number = "+31205550853503"
    assert final(thrifty, "eu1", "frugal", number).start_line == "SIP/2.0 500 All Gateways Failed T402"
    assert {attempt.carrier for attempt in record_of(thrifty, TENANT, number).attempts} == {"alpha"}
    dearer = sipp.Caller(host=f"plain.{thrifty.local['base_domain']}", number="+31205550854503")
    run = sipp.run(tmp_path, sipp.answered_call(dearer), target=thrifty.edge("eu1"), local_address=f"{thrifty.loopback}.8.40")
    run.must_succeed(1)
    assert {attempt.carrier for attempt in record_of(thrifty, TENANT, dearer.number).attempts} == {"alpha", "beta"}


def test_premium_numbers_are_called_when_the_domain_allows_them_and_its_tenant_does_not_forbid_it(thrifty: Platform) -> None:
    set_class(thrifty, "plain", allows_premium=True)
    try:
        assert final(thrifty, "us1", "plain", "+319001110855486").status == 486
        set_class(thrifty, "", countries=["NL", "BE", "GB"], allows_premium=False)
        assert "T303" in final(thrifty, "us1", "plain", "+319001110856486").start_line
    finally:
        set_class(thrifty, "", countries=["NL", "BE", "GB"], allows_premium=True)
        set_class(thrifty, "plain", allows_premium=False)
