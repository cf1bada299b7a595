"""Changes as people say them, from the events of the history: what was done, and with which particulars."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from trunkline.api.events.v1 import commit_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.web import money

KINDS: Final[Mapping[str, str]] = {
    "acl": "list", "domain": "domain", "apikey": "API key", "tenant": "tenant", "credential": "credential", "carrier": "carrier",
    "deck": "route deck", "pop": "POP",
}  # fmt: skip
"""Of things that change, as people call one."""
OPERATORS_KINDS: Final = frozenset({"carrier", "deck", "pop"})
"""No tenant has any."""


MAX_TEXT: Final = 1_000
"""Characters of either part of a change. A class of service may have a thousand prefixes, and a page a hundred changes; `trunkline history
list -o json` has all of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """`more` are particulars, or empty."""

    what: str
    more: str = ""


def said(entry: pb.HistoryEntry) -> list[Said]:
    """All that one commit changed. What a newer service writes is told as it stands in the log."""
    found: list[Said] = []
    for event, raw in zip(entry.events, entry.changes, strict=True):
        say = _SAY.get(event.WhichOneof("event") or "")
        change = _as_it_stands(raw) if say is None else say(_body(event))
        found.append(Said(_cut(change.what), _cut(change.more)))
    return found


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _body(event: commit_pb2.Event) -> Any:
    return getattr(event, event.WhichOneof("event") or "")


def _as_it_stands(raw: str) -> Said:
    what, _, more = raw.partition(": ")
    return Said(what, more)


def _address(cidr: str) -> str:
    """One address without the length that says so."""
    return re.sub(r"(\.\d+)/32$|/128$", r"\1", cidr)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _if(text: str, template: str) -> str:
    return template.format(text) if text else ""


def _many(values: Iterable[str], template: str) -> str:
    return _if(", ".join(values), template)


def _day(seconds: int) -> str:
    """A dash for what no calendar has."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return "–"


def _entry(caller_id: str, description: str = "") -> str:
    return _joined(_if(description, "“{}”"), _if(caller_id, "caller ID {}"))


def _classes(each: Any) -> Said:
    where = [*each.countries, *(f"+{prefix}" for prefix in each.allowed_prefixes)]
    more = _joined(
        ", ".join(where) or "every country",
        "premium services too" if each.allows_premium else "no premium services",
        f"at most {money(each.max_rate_micros, each.currency)} a minute" if each.max_rate_micros else "at any price",
        f"{each.max_duration_s} s at longest" if each.max_duration_s else "",
    )
    return Said("May call", more)


def _limits(each: Any) -> Said:
    calls = f"{each.max_calls} calls at a time" if each.max_calls else "any number of calls at a time"
    rate = f"{each.max_calls_per_second} new ones a second" if each.max_calls_per_second else "any number a second"
    return Said("Limits", _joined(calls, rate))


def _identity(each: Any) -> Said:
    policy = each.policy
    more = _joined(
        _many(policy.sources, "from {}"),
        _many(policy.allowed_caller_ids, "callers may show {}"),
        _if(policy.default_caller_id, "the domain's number is {}"),
        "other numbers are refused" if policy.is_refusing else "",
        "the called party's identity is shown" if policy.shows_callee else "",
        _if(policy.hiding, "hiding: {}"),
    )
    return Said("Caller ID", more or "the platform's default")


_CARRIERS_FLAGS: Final[Mapping[str, str]] = {
    "is_trusted": "trusted", "has_pai_on_ack": "P-Asserted-Identity on ACK",
    "sends_pai_without_privacy": "P-Asserted-Identity without Privacy", "takes_refer": "takes REFER",
}  # fmt: skip
_CARRIERS_VALUES: Final[Mapping[str, str]] = {
    "pdd_limit_s": "given up after {} s", "number_format": "numbers are {}", "country_code": "country code {}",
    "international_prefix": "international prefix {}", "national_prefix": "national prefix {}", "pai_forms": "P-Asserted-Identity as {}",
    "from_form": "From as {}", "hiding": "hiding: {}",
}  # fmt: skip


def _carrier(what: str) -> Callable[[Any], Said]:
    def say(each: Any) -> Said:
        settings = each.settings
        flags = [text for name, text in _CARRIERS_FLAGS.items() if getattr(settings, name)]
        values = [text.format(getattr(settings, name)) for name, text in _CARRIERS_VALUES.items() if getattr(settings, name)]
        return Said(what, _joined(*flags, *values))

    return say


def _gateway(what: str) -> Callable[[Any], Said]:
    def say(each: Any) -> Said:
        host = f"[{each.host}]" if ":" in each.host else each.host
        more = _joined(
            f"{host}:{each.port} by {each.transport or 'udp'}",
            f"region {each.region}",
            f"priority {each.priority}, weight {each.weight}",
            _if(each.tls_name, "certificate of {}"),
            "no OPTIONS" if each.takes_no_options else "",
        )
        return Said(what.format(each.gateway), more)

    return say


def _ending(what: str) -> Callable[[Any], Said]:
    return lambda each: Said(what, "calls in progress are ended" if each.is_ending_calls else "calls in progress go on")


_SAY: Final[Mapping[str, Callable[[Any], Said]]] = {
    "tenant_created": lambda each: Said("Tenant made", each.name),
    "tenant_suspended": _ending("Tenant suspended"),
    "tenant_resumed": lambda each: Said("Calls are taken again"),
    "webhook_set": lambda each: (
        Said("Records are sent", _joined(f"to {each.url}", f"secret no. {each.generation}"))
        if each.url
        else Said("Records are sent nowhere", f"the next secret is no. {each.generation}")
    ),
    "api_key_created": lambda each: Said(
        f"Key “{each.name}” made",
        _joined(_many(each.scopes, "may {}") or "may do everything", f"ends {_day(each.expires_s)}" if each.expires_s else ""),
    ),
    "api_key_revoked": lambda each: Said("Key revoked"),
    "acl_created": lambda each: Said("List created"),
    "acl_deleted": lambda each: Said("List deleted"),
    "address_added": lambda each: Said(f"Address {_address(each.cidr)} added", _entry(each.caller_id, each.description)),
    "address_removed": lambda each: Said(f"Address {_address(each.cidr)} removed"),
    "account_added": lambda each: Said(f"Account {each.username} added", _entry(each.caller_id)),
    "account_credential_changed": lambda each: Said(f"Account {each.username} has a new password"),
    "account_removed": lambda each: Said(f"Account {each.username} removed"),
    "ban_exemption_approved": lambda each: Said(f"Addresses {each.cidr} are heard even where one is banned"),
    "domain_created": lambda each: Said("Domain created", each.label),
    "domain_deleted": lambda each: Said("Domain deleted"),
    "acl_attached": lambda each: Said(f"List {each.acl} attached"),
    "acl_detached": lambda each: Said(f"List {each.acl} detached"),
    "digest_policy_set": lambda each: Said(
        "Digest",
        _joined(
            ", then ".join(each.algorithms),
            f"challenged with {each.challenge_status}",
            "qop may be missing" if each.is_qop_optional else "",
        ),
    ),
    "class_of_service_set": _classes,
    "identity_policy_set": _identity,
    "limits_set": _limits,
    "nearest_pop_set": lambda each: Said("Nearest POP", each.pop or "the home region's"),
    "capture_set": lambda each: (
        Said("Calls captured", f"{each.percent} % until {_day(each.until_s)}")
        if each.percent
        else Said("Calls captured", "refused and failed ones only")
    ),
    "credential_set": lambda each: Said(f"Password of {each.username} set", each.realm),
    "credential_erased": lambda each: Said("Password erased"),
    "carrier_created": _carrier("Carrier made"),
    "carrier_changed": _carrier("Carrier changed"),
    "carrier_suspended": _ending("Carrier suspended"),
    "carrier_resumed": lambda each: Said("Carrier gets calls again"),
    "gateway_added": _gateway("Gateway {} added"),
    "gateway_changed": _gateway("Gateway {} changed"),
    "gateway_removed": lambda each: Said(f"Gateway {each.gateway} removed"),
    "deck_started": lambda each: Said("Import begun", _joined(f"{each.rows} rows in {each.currency}", f"revision {each.revision}")),
    "deck_rows_added": lambda each: Said("Rows imported", f"revision {each.revision}"),
    "deck_activated": lambda each: Said("Routes are chosen by it", f"revision {each.revision}"),
    "pop_drained": lambda each: Said("Drained", _joined(_if(each.note, "“{}”"), f"since {_day(each.since_s)}" if each.since_s else "")),
    "pop_undrained": lambda each: Said("In service again"),
}
"""By the event's name in the log. Claims are no part of the history."""
