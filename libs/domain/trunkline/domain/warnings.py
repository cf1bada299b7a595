"""What a customer should be told about its access control: allowed, and perhaps not meant."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from itertools import islice
from typing import Final

from trunkline.domain.directory import Directory
from trunkline.domain.views import Acl, Domain

MAX_CHECKED: Final = 1_000
"""Addresses of one ACL that are looked for in others: a warning is no audit."""
MAX_WARNINGS: Final = 20
"""Of one ACL."""


def acl_warnings(directory: Directory, acl: Acl) -> list[str]:
    if not acl.addresses and not acl.accounts:
        return ["The ACL is empty: it admits nobody."]
    if not acl.addresses:
        return ["The ACL has no address: every source on the Internet is asked for a password and may try some."]
    if not acl.accounts:
        return []
    return list(islice(_overlaps(directory, acl), MAX_WARNINGS))


def domain_warnings(directory: Directory, domain: Domain) -> list[str]:
    if not domain.acls:
        return ["No ACL is attached: nobody can call."]
    attached = [acl for name in domain.acls if (acl := directory.acl(domain.tenant, name)) is not None]
    warnings = [f'The ACL "{acl.name}" is empty: it admits nobody.' for acl in attached if not acl.addresses and not acl.accounts]
    warnings += [
        f'The ACL "{acl.name}" has no address: every source on the Internet is asked for a password.'
        for acl in attached
        if acl.accounts and not acl.addresses
    ]
    return warnings[:MAX_WARNINGS]


def _overlaps(directory: Directory, acl: Acl) -> Iterator[str]:
    """Addresses of an ACL that demands both halves which an address-only ACL of the same domain admits without a password."""
    rivals: dict[str, Acl] = {}
    for label in directory.domains_with(acl.tenant, acl.name):
        domain = directory.domain(acl.tenant, label)
        for name in domain.acls if domain is not None else ():
            rival = directory.acl(acl.tenant, name)
            if rival is not None and rival.addresses and not rival.accounts:
                rivals[name] = rival
    for cidr in islice(acl.addresses, MAX_CHECKED):
        network = ipaddress.ip_network(cidr)
        covering = [str(network.supernet(new_prefix=length)) for length in range(network.prefixlen, -1, -1)]
        for rival in rivals.values():
            if any(each in rival.addresses for each in covering):
                where = f'the address-only ACL "{rival.name}" of the same domain'
                yield f"{cidr} also stands in {where}: calls from there are asked for no password."
