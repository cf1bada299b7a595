"""What to paste into a PBX so that it calls by a domain: made of the customer's own names, from the templates in `pbx_templates`.

A template is `PBX.FILE.template`, of `string.Template`. A line that begins with words and `?`, such as `account?` or `tls,account?`, stands
only where all of them hold: `account` or `address` for how the PBX is known, and the transport; a file without lines is none. Passwords are
never known here: where one belongs stands PASSWORD.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import quote

from trunkline.domain.errors import invalid, not_found

PBX_KINDS: Final = ("asterisk", "freeswitch", "3cx", "kamailio", "baresip")
TRANSPORTS: Final = ("udp", "tcp", "tls")
PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}
PASSWORD: Final = "PASSWORD"  # noqa: S105 - the word itself

_FOLDER: Final = Path(__file__).with_name("pbx_templates")
_CONDITION: Final = re.compile(r"((?:account|address|udp|tcp|tls)(?:,(?:account|address|udp|tcp|tls))*)\?")
_MD5_ONLY: Final = frozenset({"kamailio", "baresip"})
"""Those that were seen to answer no other digest algorithm."""


@dataclass(frozen=True, slots=True)
class Names:
    """`host` is the name that calls are sent to; `addresses` are those that it can lead to, for PBXs and firewalls that want some."""

    label: str
    host: str
    realm: str
    addresses: tuple[str, ...]


def choose_account(usernames: Sequence[str], wanted: str, label: str) -> str:
    """The account that the settings are for, or an empty one where calls are admitted by address. Raises Refusal."""
    if wanted and wanted not in usernames:
        why = f"No account {wanted[:64]!r} may call by the domain {label!r}."
        raise not_found("ACCOUNT_NOT_FOUND", "username", why, f"There are: {', '.join(usernames[:10])}." if usernames else "")
    return wanted or next(iter(usernames), "")


def pbx_settings(
    pbx: str, transport: str, names: Names, account: str, algorithms: Sequence[str]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Names and contents of files, and notes. `account` is empty for a PBX that is known by its address. Raises Refusal."""
    if pbx not in PBX_KINDS:
        raise invalid("PBX_INVALID", "pbx", f"{pbx[:32]!r} is none of {', '.join(PBX_KINDS)}.")
    if transport not in TRANSPORTS:
        raise invalid("TRANSPORT_INVALID", "transport", f"{transport[:32]!r} is none of {', '.join(TRANSPORTS)}.")
    words = {
        "label": names.label,
        "host": names.host,
        "realm": names.realm,
        "username": account,
        "user": quote(account, safe="+~"),
        "password": PASSWORD,
        "transport": transport,
        "port": str(PORTS[transport]),
    }
    holds = {transport, "account" if account else "address"}
    files = []
    for path in sorted(_FOLDER.glob(f"{pbx}.*.template")):
        name = path.name.removeprefix(f"{pbx}.").removesuffix(".template")
        content = Template(_chosen(path.read_text(encoding="utf-8"), holds)).substitute(words)
        if content:
            files.append((name, content))
    return files, _notes(pbx, names, account, algorithms)


def _chosen(text: str, holds: set[str]) -> str:
    lines = []
    for line in text.splitlines(keepends=True):
        condition = _CONDITION.match(line)
        if condition is None:
            lines.append(line)
        elif set(condition[1].split(",")) <= holds:
            lines.append(line[condition.end() :])
    return "".join(lines)


def _notes(pbx: str, names: Names, account: str, algorithms: Sequence[str]) -> list[str]:
    notes = [f"Numbers are sent as E.164, such as +31201234567, to {names.host}: the whole name must stand in the Request-URI."]
    if account:
        notes.append(f"{PASSWORD} stands for the password of {account}: nobody can read it back; set a new one where it is lost.")
    else:
        notes.append("No account may call by this domain: the PBX is known by its address, which an attached ACL has to list.")
    if account and pbx in _MD5_ONLY and (not algorithms or algorithms[0] != "MD5"):
        notes.append(f"This PBX answers MD5 only: `trunkline domain digest {names.label} MD5`. The domain offers {', '.join(algorithms)}.")
    notes.append(f"A firewall has to let through: {', '.join(names.addresses)}; ports 5060 (UDP, TCP) and 5061 (TLS).")
    return notes
