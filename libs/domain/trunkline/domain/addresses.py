"""IP addresses and CIDR ranges in the one way they are written in the log."""

from __future__ import annotations

import ipaddress

from trunkline.domain.errors import invalid

_MAX_TEXT = 64
"""An IPv6 address with prefix length has at most 43 characters; more is not worth quoting in an error."""


_NO_HOSTS = tuple(ipaddress.ip_network(text) for text in ("0.0.0.0/32", "255.255.255.255/32", "224.0.0.0/4", "::/128", "ff00::/8"))
"""Unspecified, limited broadcast, multicast: nothing sends from there."""


def canonical_cidr(text: str, *, allow_everyone: bool = False, is_listed: bool = False, field: str = "address") -> str:
    """`192.0.2.1` → `192.0.2.1/32`, `2001:DB8::/32` → `2001:db8::/32`. Raises Refusal for anything else, host bits included.

    An IPv4-mapped IPv6 range is refused: the source of a packet is never written so, it would match nothing; likewise what is no host's
    address. What `is_listed` already is only brought into form.
    """
    shown = text[:_MAX_TEXT]
    if "%" in text:
        raise invalid("ADDRESS_INVALID", field, f'"{shown}" has a zone; only addresses that are valid everywhere can be listed.')
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        raise invalid(
            "ADDRESS_INVALID",
            field,
            f'"{shown}" is no IP address and no CIDR range.',
            "Write it as 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32.",
        ) from None
    network = interface.network
    if "/" in text and not text.rpartition("/")[2].isdecimal():
        raise invalid("ADDRESS_INVALID", field, f'"{shown}" has a netmask; write the prefix length, {network}.')
    if interface.ip != network.network_address:
        raise invalid(
            "ADDRESS_HOST_BITS",
            field,
            f'"{shown}" has host bits set.',
            f"Write {network} for the range, or {interface.ip} for the one address.",
        )
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None and network.prefixlen >= 96:
        raise invalid("ADDRESS_INVALID", field, f'"{shown}" is an IPv4 address mapped into IPv6.', "List the IPv4 address itself.")
    if is_listed:
        return str(network)
    if any(isinstance(network, type(none)) and network.subnet_of(none) for none in _NO_HOSTS):  # type: ignore[arg-type]
        raise invalid(
            "ADDRESS_IS_NO_HOST",
            field,
            f'"{shown}" is no address that a call can come from.',
            "List the sources themselves; the range of all is written with /0.",
        )
    if network.prefixlen == 0 and not allow_everyone:
        raise invalid(
            "ADDRESS_IS_EVERYONE",
            field,
            f'"{shown}" lists every address there is.',
            "Say so explicitly with allow_everyone (--allow-everyone) if that is meant.",
        )
    return str(network)


def is_narrow(cidr: str) -> bool:
    """Of a company, not of a part of the Internet: /16 or narrower, /32 of IPv6. `cidr` is canonical."""
    network = ipaddress.ip_network(cidr)
    return network.prefixlen >= (16 if network.version == 4 else 32)


def canonical_ip(text: str, *, field: str) -> str:
    """One address, canonical. Raises Refusal."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise invalid("ADDRESS_INVALID", field, f'"{text[:_MAX_TEXT]}" is no IP address.') from None
    if address.is_unspecified or address.is_multicast or "%" in text:
        raise invalid("ADDRESS_INVALID", field, f'"{text[:_MAX_TEXT]}" is not the address of one host.')
    return str(address)
