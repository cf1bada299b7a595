"""Digest authentication, the client's half (RFC 3261 §22, RFC 7616, RFC 8760). Pure.

Challenges stand most preferred first; the client answers the topmost that it supports and ignores those it does not know. Left out:
`auth-int`, the `-sess` algorithms, `userhash`, Authentication-Info.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_CHALLENGES = 8
"""Looked at in one response; more are ignored."""
_HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
SUPPORTED_ALGORITHMS = tuple(_HASHES)
_PARAMETER = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Challenge:
    """`qop` is `auth`, or empty where the server asked for none."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: str = ""
    opaque: str | None = None
    is_stale: bool = False
    names_algorithm: bool = False


def parse_challenge(value: str) -> Challenge | None:
    """None for what cannot be answered and is ignored (RFC 8760 §2.3): another scheme, an unknown algorithm or qop, bad syntax."""
    scheme, _, text = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = _PARAMETER.match(text, place)
        if match is None:
            return None
        name = match[1].lower()
        if name in found:
            return None
        found[name] = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        place = match.end()
    algorithm = found.get("algorithm", "MD5").upper()
    offered = [option.strip().lower() for option in found.get("qop", "").split(",") if option.strip()]
    if "realm" not in found or not found.get("nonce") or algorithm not in _HASHES or (offered and "auth" not in offered):
        return None
    return Challenge(
        realm=found["realm"],
        nonce=found["nonce"],
        algorithm=algorithm,
        qop="auth" if offered else "",
        opaque=found.get("opaque"),
        is_stale=found.get("stale", "").lower() == "true",
        names_algorithm="algorithm" in found,
    )


def choose(challenges: Sequence[str], supported: Sequence[str] = SUPPORTED_ALGORITHMS) -> Challenge | None:
    """The topmost challenge with a supported algorithm, of whichever realm; None where none can be answered."""
    for value in challenges[:MAX_CHALLENGES]:
        challenge = parse_challenge(value)
        if challenge is not None and challenge.algorithm in supported:
            return challenge
    return None


def credentials(challenge: Challenge, *, username: str, password: str, method: str, uri: str, cnonce: str, nonce_count: int = 1) -> str:
    """The value of (Proxy-)Authorization. `nonce_count` counts the requests signed with this nonce, from 1."""
    ha1 = _hash(challenge.algorithm, f"{username}:{challenge.realm}:{password}")
    ha2 = _hash(challenge.algorithm, f"{method}:{uri}")
    count = f"{nonce_count:08x}"
    middle = f"{count}:{cnonce}:{challenge.qop}:" if challenge.qop else ""
    response = _hash(challenge.algorithm, f"{ha1}:{challenge.nonce}:{middle}{ha2}")
    parts = [
        f"username={_quoted(username)}",
        f"realm={_quoted(challenge.realm)}",
        f"nonce={_quoted(challenge.nonce)}",
        f"uri={_quoted(uri)}",
        f'response="{response}"',
    ]
    if challenge.names_algorithm:
        parts.append(f"algorithm={challenge.algorithm}")
    if challenge.qop:
        parts += [f"qop={challenge.qop}", f"nc={count}", f'cnonce="{cnonce}"']
    if challenge.opaque is not None:
        parts.append(f"opaque={_quoted(challenge.opaque)}")
    return "Digest " + ", ".join(parts)


def _hash(algorithm: str, text: str) -> str:
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
