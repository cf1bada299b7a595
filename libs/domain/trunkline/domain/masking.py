"""SIP messages as text that may be kept and shown: secrets masked, nothing in it that a terminal or a page would act on.

Masked are: of Authorization, Proxy-Authorization and their challenges all parameters but the harmless ones, whole where they are no
parameters (RFC 7235 §2.1); passwords in URIs; of SDP the keys (RFC 4566 §5.12 `k=`, RFC 4568 `a=crypto`, RFC 4567 `a=key-mgmt`,
`a=ice-pwd`); dialled digits (application/dtmf-relay). It is done line by line, in bodies too: a body may hold another message
(message/sipfrag).
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"

_CREDENTIALS: Final = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "www-authenticate",
        "proxy-authenticate",
        "authentication-info",
        "proxy-authentication-info",
    }
)
_HARMLESS: Final = frozenset({"username", "realm", "uri", "algorithm", "qop", "nc", "stale", "domain", "userhash", "charset"})

_SCHEMES: Final = frozenset({"basic", "bearer", "negotiate", "ntlm"})
"""That are named though nothing of what follows them is shown."""

_HEADER: Final = re.compile(r"([!-9;-~]+)[ \t]*:")
_PARAMETER: Final = re.compile(r"""[ \t]*([A-Za-z0-9!%*_+`'~.-]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^",\s]*)[ \t]*(?:,|\Z)""")
_PASSWORD: Final = re.compile(r"(sips?:[^\s:@<>\"]*):[^\s@<>\"]*@", re.IGNORECASE)
_KEYS: Final = (
    (re.compile(r"k[ \t]*=", re.IGNORECASE), "k="),
    (re.compile(r"a=crypto:[^\s:]* ?[^\s:]*", re.IGNORECASE), ""),
    (re.compile(r"a=key-mgmt:\S*", re.IGNORECASE), ""),
    (re.compile(r"a=ice-pwd:", re.IGNORECASE), ""),
    (re.compile(r"signal[ \t]*=", re.IGNORECASE), ""),
)
"""What a line begins with whose rest is masked."""
_DIGITS_ONLY: Final = re.compile(r"^content-type[ \t]*:[ \t]*application/dtmf[ \t]*$|^c[ \t]*:[ \t]*application/dtmf[ \t]*$", re.IGNORECASE)


def masked_text(message: bytes, *, is_cut: bool = False) -> str:
    """`is_cut`: its end was left out; then a last line that is not whole is left out too, for it may hold half a secret. Lines end with
    `\\n`; what is no UTF-8 is written `\\xNN`, what cannot be printed likewise."""
    text = message.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\r", "\n")
    if is_cut:
        text = text[: text.rfind("\n") + 1]
    lines: list[str] = []
    is_secret = False
    is_digits = False
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and lines:
            # A folded line goes on with the field before it (RFC 3261 §7.3.1).
            lines.append(f"{line[:1]}{MASK}" if is_secret else _printable(_line(line)))
            continue
        header = _HEADER.match(line)
        is_secret = header is not None and header[1].lower() in _CREDENTIALS
        is_digits = is_digits or _DIGITS_ONLY.match(line) is not None
        if header is not None and is_secret:
            lines.append(_printable(f"{header[0]} {_credentials(line[header.end() :].strip())}"))
        elif is_digits and line and header is None and "" in lines:
            lines.append(MASK)
        else:
            lines.append(_printable(_line(line)))
    return "\n".join(lines)


def _credentials(value: str) -> str:
    scheme, _, parameters = value.partition(" ")
    if "=" in scheme:
        # Authentication-Info has no scheme.
        scheme, parameters = "", value
    elif scheme.lower() != "digest":
        return f"{scheme} {MASK}" if scheme.lower() in _SCHEMES else MASK
    shown: list[str] = []
    at = 0
    while at < len(parameters):
        found = _PARAMETER.match(parameters, at)
        if found is None:
            return f"{scheme} {MASK}".strip()
        name = found[1]
        shown.append(f"{name}={found[2] if name.lower() in _HARMLESS else MASK}")
        at = found.end()
    return f"{scheme} {', '.join(shown)}".strip()


def _line(line: str) -> str:
    for begins, instead in _KEYS:
        found = begins.match(line)
        if found is not None:
            return f"{instead or found[0]} {MASK}" if begins.pattern.startswith("a=crypto") else f"{instead or found[0]}{MASK}"
    return _PASSWORD.sub(rf"\1:{MASK}@", line)


def _printable(line: str) -> str:
    """Control characters, and those that turn the direction of writing, as their numbers."""
    if line.isprintable():
        return line
    return "".join(
        character
        if character.isprintable() or character == "\t"
        else character.encode("ascii", "backslashreplace").decode()
        if ord(character) > 0x7F
        else f"\\x{ord(character):02x}"
        for character in line
    )
