"""Where a number would go: the edge's own rules, asked for one number. Pure."""

from __future__ import annotations

from trunkline.api.routing.v1 import routing_pb2
from trunkline.domain.class_of_service import DEFAULT_RULES, affordable, refusal
from trunkline.domain.directory import Directory
from trunkline.domain.errors import not_found
from trunkline.domain.events import DomainLabel, TenantId
from trunkline.domain.gateway_view import ALL_USED, GatewayView
from trunkline.domain.numbers import country_code, parse_e164
from trunkline.domain.routing import choose


def resolve(
    directory: Directory,
    *,
    number: str,
    region: str,
    tenant: TenantId | None,
    domain: str,
    position: int,
    randomness: float,
    view: GatewayView = ALL_USED,
) -> routing_pb2.ResolveResponse:
    """Prefix, destination and gateways in the order they would be tried, or the reason why there are none. Raises Refusal for a domain
    that the tenant has not. The order between gateways of one priority is drawn by weight, as for each call."""
    answer = routing_pb2.ResolveResponse(position=position)
    digits = parse_e164(number)
    if digits is None:
        answer.reason = "T102"
        return answer
    code = country_code(digits)
    if code is None:
        answer.reason = "T404"
        return answer
    rules = DEFAULT_RULES
    if domain:
        known = directory.domain(tenant, DomainLabel(domain.lower())) if tenant is not None else None
        if known is None:
            raise not_found("DOMAIN_NOT_FOUND", "domain", f"The tenant has no domain {domain[:64]!r}.", "Give the label, such as acme.")
        rules = known.rules
        refused = refusal(rules, digits, code)
        if refused is not None:
            answer.reason = refused[0]
            return answer
    match = directory.routes.find(digits)
    if match is None:
        answer.reason = "T401"
        return answer
    answer.prefix = match.prefix
    if rules.prices:
        match = affordable(rules, match)
        if match is None:
            answer.reason = "T304"
            return answer
    choices, notes, _ = choose(match, directory.carriers, region=region, is_bound=False, randomness=randomness, view=view)
    if not choices:
        answer.reason = "T403"
        return answer
    answer.notes.extend(notes)
    answer.destination = choices[0].row.destination
    for choice in choices:
        host = f"[{choice.gateway.host}]" if ":" in choice.gateway.host else choice.gateway.host
        answer.gateways.add(
            carrier=choice.carrier.id,
            gateway=choice.gateway.name,
            address=f"{host}:{choice.gateway.port}",
            rate_micros=choice.row.rate_micros,
            currency=choice.currency,
            initial_increment_s=choice.row.initial_increment_s,
            next_increment_s=choice.row.next_increment_s,
            connection_fee_micros=choice.row.connection_fee_micros,
        )
    return answer
