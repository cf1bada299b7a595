"""What is configured, as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.directory import Directory
from trunkline.domain.views import Acl, ApiKey, Domain, Tenant
from trunkline.domain.warnings import acl_warnings, domain_warnings

MAX_ENTRIES_SHOWN: Final = 10_000
"""Addresses, and accounts, of one ACL in one answer: an answer has at most 4 MiB."""
MAX_ENTRIES_LISTED: Final = 20
"""The same where many ACLs are listed."""


def tenant_message(tenant: Tenant) -> pb.Tenant:
    return pb.Tenant(id=tenant.id, name=tenant.name, version=tenant.version)


def api_key_message(key: ApiKey) -> pb.ApiKey:
    return pb.ApiKey(id=key.id, name=key.name, version=key.version)


def acl_message(directory: Directory, acl: Acl, limit: int = MAX_ENTRIES_SHOWN) -> pb.Acl:
    """With the first `limit` addresses and accounts; a warning says so where there are more."""
    warnings = list(acl_warnings(directory, acl))
    for count, what in ((len(acl.addresses), "addresses"), (len(acl.accounts), "accounts")):
        if count > limit:
            warnings.append(f"{count} {what}; the first {limit} are shown here.")
    return pb.Acl(
        name=acl.name,
        addresses=[
            pb.Address(cidr=address.cidr, caller_id=address.caller_id, description=address.description)
            for address in islice(acl.addresses.values(), limit)
        ],
        accounts=[
            pb.Account(username=account.username, caller_id=account.caller_id, credential_id=account.credential_id)
            for account in islice(acl.accounts.values(), limit)
        ],
        attached_domains=directory.domains_with(acl.tenant, acl.name),
        version=acl.version,
        warnings=warnings,
    )


def domain_message(directory: Directory, domain: Domain, realm: str, pops: Sequence[str]) -> pb.Domain:
    hostname = f"{domain.label}.{realm}"
    return pb.Domain(
        label=domain.label,
        hostname=hostname,
        hostnames=[hostname, *(f"{domain.label}.{pop}.{realm}" for pop in pops)],
        acls=domain.acls,
        digest_algorithms=domain.digest.algorithms,
        challenge_status=domain.digest.challenge_status,
        is_qop_optional=domain.digest.is_qop_optional,
        allowed_prefixes=domain.allowed_prefixes,
        version=domain.version,
        warnings=domain_warnings(directory, domain),
    )
