"""The names that a domain is dialled by: its default name, good at every POP, and one bound name for each POP."""

from __future__ import annotations

from collections.abc import Iterable


def default_name(label: str, realm: str) -> str:
    return f"{label}.{realm}"


def bound_name(label: str, pop: str, realm: str) -> str:
    """Served at that POP only, and its calls stay in that POP's region."""
    return f"{label}.{pop}.{realm}"


def pop_name(pop: str, realm: str) -> str:
    """What SRV records lead to."""
    return f"{pop}.{realm}"


def host_names(label: str, pops: Iterable[str], realm: str) -> tuple[str, ...]:
    """All names of a domain, the default name first, then in the order of `pops`."""
    return (default_name(label, realm), *[bound_name(label, pop, realm) for pop in pops])


def is_bound(host: str, label: str, realm: str) -> bool:
    """Whether a name that was dialled for this domain keeps the call in the POP's region: every one but the default name. Without case; a
    trailing dot does not matter. That a bound name is this POP's own the edge has seen to (T206)."""
    return host.lower().removesuffix(".") != default_name(label, realm)
