"""What is configured, as the API shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.caller_ids import DEFAULT_SOURCES
from trunkline.domain.class_of_service import ClassOfService, Limits
from trunkline.domain.directory import Directory
from trunkline.domain.events import IdentityPolicy
from trunkline.domain.host_names import host_names
from trunkline.domain.identity import DOMAIN_HIDING
from trunkline.domain.scopes import known_scopes
from trunkline.domain.views import Acl, ApiKey, Domain, Tenant
from trunkline.domain.warnings import acl_warnings, domain_warnings

ANSWER_BYTES: Final = 3 << 20
"""For the entries of all ACLs in one answer, which may have 4 MiB."""
WRITE_ANSWER_BYTES: Final = 64 << 10
"""For the entries of an ACL in the answer to a write: some thousand. A large ACL is not to be sent again with every address added."""
_ENTRY_BYTES: Final = 24
"""What an entry takes besides its texts, at most."""

T = TypeVar("T")


def tenant_message(tenant: Tenant) -> pb.Tenant:
    return pb.Tenant(
        id=tenant.id,
        name=tenant.name,
        version=tenant.version,
        is_suspended=tenant.is_suspended,
        class_of_service=None if tenant.service is None else class_message(tenant.service),
        limits=limits_message(tenant.limits),
        webhook_url=tenant.webhook.url,
    )


def class_message(service: ClassOfService) -> config_pb2.ClassOfServiceSet:
    return config_pb2.ClassOfServiceSet(
        allowed_prefixes=service.allowed_prefixes,
        max_duration_s=service.max_duration_s,
        countries=service.countries,
        allows_premium=service.allows_premium,
        max_rate_micros=service.max_rate_micros,
        currency=service.currency,
    )


def limits_message(limits: Limits) -> config_pb2.LimitsSet:
    return config_pb2.LimitsSet(max_calls=limits.max_calls, max_calls_per_second=limits.max_calls_per_second)


def api_key_message(key: ApiKey, last_use_s: int = 0) -> pb.ApiKey:
    message = pb.ApiKey(
        id=key.id, name=key.name, version=key.version, scopes=known_scopes(key.scopes), is_expired=key.grant.is_over(time.time())
    )
    if key.expires_s:
        message.expire_time.FromSeconds(key.expires_s)
    if last_use_s:
        message.last_use_time.FromSeconds(last_use_s)
    return message


def acl_message(directory: Directory, acl: Acl, limit_bytes: int = ANSWER_BYTES) -> pb.Acl:
    """With its first addresses and accounts, within half of `limit_bytes` each; a warning says so where there are more."""
    addresses = _within(limit_bytes // 2, acl.addresses.values(), lambda each: each.cidr + each.caller_id + each.description)
    accounts = _within(limit_bytes // 2, acl.accounts.values(), lambda each: each.username + each.caller_id + each.credential_id)
    warnings = list(acl_warnings(directory, acl))
    for shown, count, what in ((addresses, len(acl.addresses), "addresses"), (accounts, len(acl.accounts), "accounts")):
        if len(shown) < count:
            warnings.append(f"{count} {what}; the first {len(shown)} are shown here.")
    return pb.Acl(
        name=acl.name,
        addresses=[
            pb.Address(cidr=each.cidr, caller_id=each.caller_id, description=each.description, is_ban_exempt=each.is_ban_exempt)
            for each in addresses
        ],
        accounts=[pb.Account(username=each.username, caller_id=each.caller_id, credential_id=each.credential_id) for each in accounts],
        attached_domains=directory.domains_with(acl.tenant, acl.name),
        version=acl.version,
        warnings=warnings,
    )


def _within(limit_bytes: int, entries: Iterable[T], texts: Callable[[T], str]) -> list[T]:
    shown: list[T] = []
    for entry in entries:
        limit_bytes -= len(texts(entry).encode()) + _ENTRY_BYTES
        if limit_bytes < 0:
            break
        shown.append(entry)
    return shown


def identity_message(policy: IdentityPolicy) -> config_pb2.IdentityPolicy:
    """With the words that hold where the policy has none."""
    return config_pb2.IdentityPolicy(
        sources=policy.sources or DEFAULT_SOURCES,
        allowed_caller_ids=policy.allowed_caller_ids,
        default_caller_id=policy.default_caller_id,
        is_refusing=policy.is_refusing,
        shows_callee=policy.shows_callee,
        hiding=policy.hiding or DOMAIN_HIDING[0],
    )


def identity_policy(message: config_pb2.IdentityPolicy) -> IdentityPolicy:
    return IdentityPolicy(
        tuple(message.sources),
        tuple(message.allowed_caller_ids),
        message.default_caller_id,
        message.is_refusing,
        message.shows_callee,
        message.hiding,
    )


def domain_message(directory: Directory, domain: Domain, realm: str, pops: Sequence[str]) -> pb.Domain:
    names = host_names(domain.label, pops, realm)
    message = pb.Domain(
        label=domain.label,
        hostname=names[0],
        hostnames=names,
        acls=domain.acls,
        digest_algorithms=domain.digest.algorithms,
        challenge_status=domain.digest.challenge_status,
        is_qop_optional=domain.digest.is_qop_optional,
        allowed_prefixes=domain.service.allowed_prefixes,
        max_duration_s=domain.service.max_duration_s,
        class_of_service=class_message(domain.service),
        limits=limits_message(domain.limits),
        identity=identity_message(domain.identity),
        nearest_pop=domain.nearest_pop,
        version=domain.version,
        warnings=domain_warnings(directory, domain),
    )
    if domain.capture.percent and time.time() < domain.capture.until_s:
        message.capture_percent = domain.capture.percent
        message.capture_until.FromSeconds(domain.capture.until_s)
    return message
