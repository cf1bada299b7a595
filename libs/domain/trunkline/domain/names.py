"""The grammar of names. Every name that becomes part of a log subject is one token of it: no dot, no blank, no wildcard."""

from __future__ import annotations

import re
from typing import Final

from trunkline.domain.errors import Refusal, already_exists, invalid
from trunkline.domain.events import AclName, CarrierId, CredentialId, DeckId, DomainLabel, GatewayId, TenantId, Username
from trunkline.domain.numbers import known_number

_SLUG: Final = re.compile(r"[a-z][0-9a-z-]{0,31}")
_ACL: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_LABEL: Final = re.compile(r"[0-9a-z]{1,63}")
_USERNAME: Final = re.compile(r"[0-9A-Za-z._+@~-]{1,64}")
_TOKEN: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")

RESERVED_TENANTS = frozenset({"platform", "label"})
"""The operator's own, and what stands in the tenant's place in the subjects of claims."""

RESERVED_LABELS = frozenset(
    {
        "steer",
        "rr",
        "www",
        "api",
        "sip",
        "sips",
        "tls",
        "mail",
        "dns",
        "default",
        "localhost",
        "dashboard",
        "status",
        "anonymous",
        "platform",
    }
)
_RESERVED_LABEL: Final = re.compile(r"(?:eu|us|apac)[0-9]*|edge[0-9a-z]*|ns[0-9]*")
"""Regions and points of presence, those to come included; edges; name servers."""

_HOST_NAME: Final = re.compile(r"(?:[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?\.)+[a-z](?:[0-9a-z-]{0,61}[0-9a-z])?")

MAX_HOST_NAME = 253
MAX_NAME = 128
MAX_DESCRIPTION = 256
MIN_PASSWORD = 8
MAX_PASSWORD = 128
_SHOWN = 80
"""How much of a bad value an error quotes."""


def tenant_id(text: str, field: str = "tenant") -> TenantId:
    if not _SLUG.fullmatch(text):
        raise _bad("TENANT_INVALID", field, text, 'a tenant id is 1 to 32 of 0-9 a-z and "-", beginning with a letter')
    if text in RESERVED_TENANTS:
        raise already_exists("TENANT_RESERVED", field, f'The tenant id "{text}" belongs to the platform.', "Choose another.")
    return TenantId(text)


def acl_name(text: str, field: str = "acl") -> AclName:
    if not _ACL.fullmatch(text):
        raise _bad("ACL_NAME_INVALID", field, text, 'the name of an ACL is 1 to 64 of 0-9 a-z A-Z "_" and "-"')
    return AclName(text)


def domain_label(text: str, field: str = "label") -> DomainLabel:
    """Lower case; labels are compared without case. Reserved labels pass: see `is_reserved_label`."""
    lowered = text.lower() if text.isascii() else text
    if not _LABEL.fullmatch(lowered):
        raise _bad("LABEL_INVALID", field, text, "a label is 1 to 63 of 0-9 a-z (upper case is taken as lower)")
    return DomainLabel(lowered)


def is_reserved_label(label: DomainLabel) -> bool:
    """Names of the platform itself, which no customer can take."""
    return label in RESERVED_LABELS or _RESERVED_LABEL.fullmatch(label) is not None


def username(text: str, field: str = "username") -> Username:
    if not _USERNAME.fullmatch(text):
        raise _bad("USERNAME_INVALID", field, text, 'a username is 1 to 64 of 0-9 a-z A-Z and "._+@~-"')
    return Username(text)


def carrier_id(text: str, field: str = "carrier") -> CarrierId:
    if not _SLUG.fullmatch(text):
        raise _bad("CARRIER_INVALID", field, text, 'a carrier is 1 to 32 of 0-9 a-z and "-", beginning with a letter')
    return CarrierId(text)


def gateway_id(text: str, field: str = "gateway.name") -> GatewayId:
    if not _SLUG.fullmatch(text):
        raise _bad("GATEWAY_INVALID", field, text, 'a gateway is 1 to 32 of 0-9 a-z and "-", beginning with a letter')
    return GatewayId(text)


def deck_id(text: str, field: str = "deck") -> DeckId:
    if not _SLUG.fullmatch(text):
        raise _bad("DECK_NAME_INVALID", field, text, 'a deck is 1 to 32 of 0-9 a-z and "-", beginning with a letter')
    return DeckId(text)


def region(text: str, field: str = "region") -> str:
    if not _SLUG.fullmatch(text):
        raise _bad("REGION_INVALID", field, text, 'a region is 1 to 32 of 0-9 a-z and "-", beginning with a letter')
    return text


def credential_id(text: str, field: str = "credential_id") -> CredentialId:
    if not _TOKEN.fullmatch(text):
        raise _bad("CREDENTIAL_ID_INVALID", field, text, 'a credential id is 1 to 64 of 0-9 a-z A-Z "_" and "-"')
    return CredentialId(text)


def api_key_id(text: str, field: str = "api_key") -> str:
    if not _TOKEN.fullmatch(text):
        raise _bad("API_KEY_INVALID", field, text, 'the id of an API key is 1 to 64 of 0-9 a-z A-Z "_" and "-"')
    return text


def host_name(text: str, field: str) -> str:
    """A DNS name of at least two labels, in lower case; no wildcard and no address."""
    name = text.lower()
    if len(name) > MAX_HOST_NAME or not _HOST_NAME.fullmatch(name):
        raise _bad("HOST_NAME_INVALID", field, text, 'a host name is two or more labels of 0-9 a-z and "-", such as sip.example.com')
    return name


def currency(text: str, field: str = "currency") -> str:
    if not _CURRENCY.fullmatch(text):
        raise _bad("CURRENCY_INVALID", field, text, "a currency is three capital letters of ISO 4217, such as EUR")
    return text


def free_text(text: str, field: str, limit: int) -> str:
    """Text for people: printable, at most `limit` characters, may be empty."""
    if len(text) > limit or not text.isprintable():
        raise _bad("TEXT_INVALID", field, text, f"at most {limit} printable characters, on one line")
    return text


def caller_id(text: str, field: str = "caller_id") -> str:
    """E.164 with `+`, or empty."""
    if not text:
        return ""
    digits = known_number(text)
    if digits is None:
        raise _bad("CALLER_ID_INVALID", field, text, "a caller id is an E.164 number with a country code that exists, such as +3120123456")
    return f"+{digits}"


def check_password(text: str, field: str = "password") -> None:
    """8 to 128 printable characters. The refusal never quotes it."""
    if not (MIN_PASSWORD <= len(text) <= MAX_PASSWORD and text.isprintable()):
        raise invalid("PASSWORD_INVALID", field, f"A password is {MIN_PASSWORD} to {MAX_PASSWORD} printable characters.")


def _bad(reason: str, field: str, text: str, rule: str) -> Refusal:
    return invalid(reason, field, f"{text[:_SHOWN]!r} cannot be taken: {rule}.")
