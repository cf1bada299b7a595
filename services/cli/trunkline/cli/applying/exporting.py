"""A tenant as a file: what is as it is by itself is left out."""

from __future__ import annotations

from typing import Any

from trunkline.cli.applying.model import ClassOfService, Digest, Domain, Identity, Limits, Tenant

Document = dict[str, Any]


def document_of(tenant: Tenant) -> Document:
    """What `reading.read_tenant` reads back. Passwords are stored nowhere, so accounts come without."""
    found: Document = {"tenant": tenant.id} if tenant.id else {}
    found["acls"] = {
        acl.name: _filled(
            addresses=[
                _filled(cidr=each.cidr, caller_id=each.caller_id, description=each.description, ban_exempt=each.is_ban_exempt)
                for each in acl.addresses.values()
            ],
            accounts=[_filled(username=each.username, caller_id=each.caller_id) for each in acl.accounts.values()],
        )
        for acl in tenant.acls.values()
    }
    found["domains"] = {domain.label: _domain(domain) for domain in tenant.domains.values()}
    if tenant.class_of_service is not None:
        found["class_of_service"] = _class_of_service(tenant.class_of_service)
    if tenant.limits not in (None, Limits()):
        found["limits"] = _limits(tenant.limits)
    return found


def _domain(domain: Domain) -> Document:
    found: Document = {"acls": list(domain.acls or ())}
    if domain.digest is not None and domain.digest != Digest():
        digest = domain.digest
        found["digest"] = _filled(
            algorithms=list(digest.algorithms), challenge_status=digest.challenge_status, qop_optional=digest.is_qop_optional
        )
    if domain.class_of_service is not None and domain.class_of_service != ClassOfService():
        found["class_of_service"] = _class_of_service(domain.class_of_service)
    if domain.limits is not None and domain.limits != Limits():
        found["limits"] = _limits(domain.limits)
    if domain.identity is not None and domain.identity != Identity():
        identity = domain.identity
        found["identity"] = _filled(
            sources=list(identity.sources),
            allowed_caller_ids=list(identity.allowed),
            default_caller_id=identity.default,
            refusing=identity.is_refusing,
            shows_callee=identity.shows_callee,
            hiding=identity.hiding,
        )
    return found | _filled(nearest_pop=domain.nearest_pop)


def _class_of_service(value: ClassOfService) -> Document:
    return _filled(
        countries=list(value.countries),
        prefixes=list(value.prefixes),
        premium=value.premium,
        max_duration_s=value.max_duration_s,
        max_price=f"{value.price:f}" if value.price else "",
        currency=value.currency,
    )


def _limits(value: Limits | None) -> Document:
    return {} if value is None else _filled(calls=value.calls, calls_per_second=value.calls_per_second)


def _filled(**fields: Any) -> Document:
    return {name: value for name, value in fields.items() if value not in (None, "", 0, False, [])}
