"""Who is calling, and what each side is shown of it: RFC 3323, RFC 3325.

The account (or address) that admitted the call decides the identity; From, P-Asserted-Identity and P-Preferred-Identity of the customer are
hints at most. Inside the trust domain the identity is always shown. Beyond it P-Asserted-Identity is removed, and with a privacy request
From is anonymous. All output is printable ASCII without anything that could end a header.

Header privacy, and hiding by itself, is the engine's: `hides_topology` says for which calls. Left out: media is not relayed, so session
privacy cannot be given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from trunkline.domain.events import CarrierSettings, IdentityPolicy
from trunkline.domain.number_formats import formatted, is_plus
from trunkline.domain.numbers import known_number

ANONYMOUS: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""RFC 3323 §4.1.1.3."""
ANONYMOUS_HOST: Final = "anonymous.invalid"
MAX_HINTS: Final = 4
"""Identity headers of the customer that are looked at."""
MAX_PRIVACY_LENGTH: Final = 256
"""Of all Privacy values together; the longest that makes sense has some 40 characters."""
NOT_ALLOWED_NOTE: Final = "identity asked for is not the caller's: ignored"
PAI_FORMS: Final = ("both", "sip", "tel")
"""RFC 3325 §9.1: a SIP and a tel URI, or one of them. A caller without a number has the SIP form whatever is asked for."""
FROM_FORMS: Final = ("kept", "asserted")
CARRIER_HIDING: Final = ("default", "on", "off")
DOMAIN_HIDING: Final = ("default", "on")
"""A customer can hide more than its carriers ask for, never less."""
_CACHE: Final = 65_536
"""Callers whose identity is kept written out: far more than speak at once, some 40 MB at most."""

_USER_UNESCAPED: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.!~*'()&=+$,;?/")
"""RFC 3261 §25.1: unreserved and user-unreserved."""
_USER: Final = re.compile(r"[^@;>:, ]*")
"""The rest of a URI up to what ends its user part; matches everywhere."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a carrier is shown; the fields are those of `trunkline.engine.Target`."""

    from_name_addr: str
    asserted: tuple[str, ...]
    privacy: str


@dataclass(frozen=True, slots=True)
class Identity:
    """`caller_id` is E.164 with `+`, or empty where the caller has no number. `asserted`: values of P-Asserted-Identity, the SIP form
    first, then tel where there is a number. `plainly` is what is shown to who may see it, of a call that asked for no privacy."""

    caller_id: str
    uri: str
    asserted: tuple[str, ...]
    plainly: Shown


@dataclass(frozen=True, slots=True)
class Privacy:
    """A privacy request. `value` is the header's canonical value, empty where there was none; `unknown` are those of its words that nobody
    here knows, and so nothing is done for."""

    value: str
    is_private: bool
    is_none: bool
    is_session: bool
    is_critical: bool
    notes: tuple[str, ...] = ()
    is_header: bool = False
    unknown: tuple[str, ...] = ()


NO_PRIVACY: Final = Privacy("", False, False, False, False)
_NOTHING: Final = Shown("", (), "")
_FROM_ONLY: Final = Privacy("id", True, False, False, False, ("anonymous From without Privacy: taken as id",))
_KNOWN: Final = ("none", "header", "session", "user", "id", "critical", "history")
"""RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §7.2: History-Info never gets through."""


@lru_cache(maxsize=_CACHE)
def identify(*, account: str, caller_id: str, label: str, realm: str, is_username_number: bool = True) -> Identity:
    """The caller: `caller_id` (the account's, else the address's), else the username where it is a number and counts as one, else the SIP
    form only.

    `account` is empty where an address alone admitted the call; without a caller id it is then known by its domain.
    """
    number = known_number(caller_id) or (known_number(account) if is_username_number else None)
    host = f"{label}.{realm}"
    name = _quoted(account or label)
    if number is not None:
        uri = f"sip:+{number}@{host};user=phone"
        asserted: tuple[str, ...] = (f"{name} <{uri}>", f"<tel:+{number}>")
        return Identity(f"+{number}", uri, asserted, Shown("", asserted, ""))
    uri = f"sip:{_escaped(account)}@{host}" if account else f"sip:{host}"
    asserted = (f"{name} <{uri}>",)
    return Identity("", uri, asserted, Shown("", asserted, ""))


def hinted(identity: Identity, hints: Sequence[str], *, account: str, label: str, realm: str) -> tuple[Identity, tuple[str, ...]]:
    """The identity, and notes, given what the customer sent as P-Asserted-Identity or P-Preferred-Identity (values of the headers).

    The first hint decides that names a number which the caller has anyway: its caller id, or its username. Others are noted and dropped.
    """
    own_number = known_number(account)
    notes: tuple[str, ...] = ()
    for hint in hints[:MAX_HINTS]:
        number = number_in(hint)
        if number is None:
            continue
        if f"+{number}" == identity.caller_id:
            return identity, notes
        if number == own_number:
            return identify(account=account, caller_id=f"+{own_number}", label=label, realm=realm), notes
        notes = (NOT_ALLOWED_NOTE,)
    return identity, notes


def parse_privacy(values: Sequence[str], from_uri: str) -> Privacy:
    """From the values of Privacy (RFC 3323 §4.2, case-insensitive) and the From URI. Unknown values are kept and noted.

    `none` counts where it stands alone only: a request that says both is private. From without an identity asks for privacy by itself.
    """
    if not values:
        return _FROM_ONLY if ANONYMOUS_HOST in from_uri.lower() else NO_PRIVACY
    return _parse_privacy(";".join(values)[:MAX_PRIVACY_LENGTH], ANONYMOUS_HOST in from_uri.lower())


@lru_cache(maxsize=1024)
def _parse_privacy(text: str, is_from_anonymous: bool) -> Privacy:
    tokens: list[str] = []
    notes: list[str] = []
    for part in text.lower().replace(",", ";").split(";"):
        token = part.strip()
        if not token or token in tokens:
            continue
        if token not in _KNOWN and not _is_token(token):
            notes.append("Privacy has a value that is no token: dropped")
            continue
        if token not in _KNOWN:
            notes.append(f"Privacy: {token} is not known")
        tokens.append(token)
    wanted = {"id", "user", "header"}.intersection(tokens)
    is_none = "none" in tokens and not wanted and "session" not in tokens
    is_private = bool(wanted) or (is_from_anonymous and not is_none)
    if "none" in tokens and not is_none:
        tokens.remove("none")
        notes.append("Privacy: none beside others: ignored")
    if is_private and not wanted:
        tokens.insert(0, "id")
        notes.extend(_FROM_ONLY.notes)
    if "session" in tokens:
        notes.append("Privacy: session cannot be given: media is not relayed")
    unknown = tuple(token for token in tokens if token not in _KNOWN)
    is_critical, is_session = "critical" in tokens, "session" in tokens
    return Privacy(";".join(tokens), is_private, is_none, is_session, is_critical, tuple(notes), "header" in tokens, unknown)


def show(identity: Identity, privacy: Privacy, settings: CarrierSettings) -> Shown:
    """What a carrier is shown: everything inside the trust domain; beyond it what the caller lets out."""
    plain = identity.plainly if _is_plain(settings) else _shown_plainly(identity, settings)
    if privacy is NO_PRIVACY:
        if settings.is_trusted or settings.sends_pai_without_privacy:
            return plain
        return _NOTHING if plain is identity.plainly else Shown(plain.from_name_addr, (), "")
    if settings.is_trusted:
        return Shown("" if privacy.is_private else plain.from_name_addr, plain.asserted, privacy.value)
    if privacy.is_private:
        # The service has been rendered here (RFC 3323 §5); what could not be is left to others.
        return Shown(ANONYMOUS, (), "session" if privacy.is_session else "")
    is_asserted = privacy.is_none or (settings.sends_pai_without_privacy and not privacy.is_session)
    return Shown(plain.from_name_addr, plain.asserted if is_asserted else (), privacy.value)


def hides_topology(policy: IdentityPolicy, settings: CarrierSettings, privacy: Privacy) -> bool:
    """Whether Via, Record-Route and Contact of one side are kept from the other: for whoever asks for it by Privacy: header, where domain
    or carrier say so, and from carriers that are not trusted."""
    if privacy.is_header or policy.hiding == "on" or settings.hiding == "on":
        return True
    return not settings.is_trusted and settings.hiding != "off"


def _is_plain(settings: CarrierSettings) -> bool:
    return settings.pai_forms in ("", "both") and settings.from_form in ("", "kept") and is_plus(settings)


@lru_cache(maxsize=_CACHE)
def _shown_plainly(identity: Identity, settings: CarrierSettings) -> Shown:
    """`Identity.plainly` in the carrier's forms: the number in its format, where a `+` is what makes it a telephone-subscriber (RFC 3261
    §19.1.1, RFC 3966 §3), and the forms of P-Asserted-Identity that it takes."""
    sip = identity.asserted[0]
    if identity.caller_id and not is_plus(settings):
        local = identity.uri.replace(f"sip:{identity.caller_id}@", f"sip:{formatted(identity.caller_id, settings)}@", 1)
        sip = sip.replace(f"<{identity.uri}>", f"<{local.removesuffix(';user=phone')}>")
    forms = (sip, *identity.asserted[1:])
    if settings.pai_forms == "sip":
        forms = forms[:1]
    elif settings.pai_forms == "tel":
        forms = forms[-1:]
    return Shown(sip if settings.from_form == "asserted" else "", forms, "")


def presented(identity: Identity, privacy: Privacy) -> str:
    """What the called party is meant to see, for the record."""
    return "anonymous" if privacy.is_private else identity.caller_id or identity.uri


def _quoted(text: str) -> str:
    """A quoted-string (RFC 3261 §25.1) of what is printable ASCII in `text`."""
    kept = "".join(char for char in text if " " <= char <= "~")
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(user: str) -> str:
    return "".join(char if char in _USER_UNESCAPED else "".join(f"%{byte:02X}" for byte in char.encode()) for char in user)


def _is_token(text: str) -> bool:
    return text.isascii() and all(char.isalnum() or char in "-.!%*_+`'~" for char in text)


def number_in(value: str) -> str | None:
    """The number that a name-addr or addr-spec names, or None."""
    text = value.lower()
    for scheme in ("tel:", "sip:", "sips:"):
        start = text.rfind(scheme)
        if start >= 0:
            user = _USER.match(text, start + len(scheme))
            return None if user is None else known_number(user[0])
    return None
