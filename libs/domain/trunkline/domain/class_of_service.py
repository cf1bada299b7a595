"""Class of service: which destinations a domain may call."""

from __future__ import annotations


def is_allowed(allowed_prefixes: tuple[str, ...], digits: str) -> bool:
    """`digits` without `+`. No prefixes: all destinations are allowed."""
    return not allowed_prefixes or digits.startswith(allowed_prefixes)
