"""A call that happened: from its record to the question that is asked again, and where the answer is not what was recorded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.domain.errors import invalid
from trunkline.domain.explaining import Explained
from trunkline.domain.gateway_view import GatewayView
from trunkline.domain.policy import Routed

NOT_ACCEPTED: Final = "T204"
_PASSED_OVER: Final = re.compile(r"gateway (\S+) passed over\b")
"""As `trunkline.domain.gateway_view.note_of` writes it."""

_NOT_CONFIGURED: Final = {
    "T202": "which algorithms the client answers is not in the log",
    "T205": "the digest itself is not recorded",
    "T207": "bans are not in the log: they are for a time",
    "T305": "how many calls there were is not in the log",
    "T306": "how many calls began is not in the log",
    "T402": "what gateways answer is not in the log",
    "T405": "what gateways answer is not in the log",
}
"""Reasons that no set-up decides."""


def source_of(record: records_pb2.Record) -> str:
    """The IP address of `192.0.2.1:5060` or `[2001:db8::1]:5060`."""
    host, _, port = record.source.rpartition(":")
    return host.strip("[]") if port.isdecimal() and host else record.source


def question_of(record: records_pb2.Record) -> pb.ExplainRequest:
    """The request that describes the recorded call by hand. Raises Refusal for a record that has no domain or source."""
    if not record.domain or not record.source:
        raise invalid("RECORD_INCOMPLETE", "record", "The record names no domain or no source.", "Give it as RecordsService gives it.")
    username = record.username or record.account
    return pb.ExplainRequest(
        tenant=record.tenant,
        domain=record.host or record.domain,
        source=source_of(record),
        username=username,
        # Whoever was let in with a name had the right password; whoever was refused for another reason too, as far as is known.
        is_password_right=bool(username) and record.reason != NOT_ACCEPTED,
        number=record.number,
        from_uri=record.from_uri,
        privacy=[record.privacy] if record.privacy else [],
        pop=record.pop,
    )


def view_of_notes(notes: Sequence[str]) -> GatewayView:
    """Which gateways the call passed over, as its record says."""
    passed = {found[1]: note for note in notes if (found := _PASSED_OVER.match(note)) is not None}
    return GatewayView(passed=MappingProxyType(passed))


def differences(record: records_pb2.Record, answer: pb.ExplainResponse, explained: Explained) -> list[pb.ExplainDifference]:
    """Field by field, in the order of importance; empty where all is as recorded. Each says why, as far as it is known."""
    found: list[pb.ExplainDifference] = []

    def compare(field: str, recorded: str, computed: str, why: str = "") -> None:
        if recorded != computed:
            found.append(pb.ExplainDifference(field=field, recorded=recorded, computed=computed, why=why or _why(record, answer)))

    recorded_outcome = "refuse" if record.outcome == "refused" else "admit"
    compare("outcome", recorded_outcome, answer.outcome, _NOT_CONFIGURED.get(record.reason, ""))
    if record.outcome == "refused":
        compare("reason", record.reason, answer.reason, _NOT_CONFIGURED.get(record.reason, ""))
    if recorded_outcome != "admit" or answer.outcome != "admit":
        return found
    compare("acl", record.acl, answer.acl)
    compare("account", record.account, answer.account)
    compare("address", record.address, answer.address)
    decided = explained.decided
    if isinstance(decided, Routed):
        hints = "P-Asserted-Identity and P-Preferred-Identity of a call are not recorded"
        compare("caller_id", record.caller_id, decided.identity.caller_id or decided.identity.uri, hints)
        compare("presented", record.presented, decided.presented, hints if record.caller_id != decided.identity.caller_id else "")
        compare("prefix", record.prefix, decided.prefix)
        compare("max_duration_s", str(record.max_duration_s), str(decided.max_duration_s))
        _compare_attempts(record, decided, explained.is_drawn, found, answer)
    return found


def _compare_attempts(
    record: records_pb2.Record, decided: Routed, is_drawn: bool, found: list[pb.ExplainDifference], answer: pb.ExplainResponse
) -> None:
    """Gateways that were tried, against those that would be; where weights draw the order, only whether they are among them."""
    tried = [_key(attempt) for attempt in record.attempts]
    would = [target.choice.gateway.key for target in decided.targets]
    is_same = set(tried) <= set(would) if is_drawn else tried == would[: len(tried)]
    if not is_same:
        found.append(pb.ExplainDifference(field="attempts", recorded=", ".join(tried), computed=", ".join(would), why=_why(record, answer)))
    rates = {target.choice.gateway.key: target.choice.row.rate_micros for target in decided.targets}
    for attempt in record.attempts:
        rate = rates.get(_key(attempt))
        if rate is not None and rate != attempt.rate_micros:
            field = f"attempts.{attempt.number}.rate_micros"
            found.append(pb.ExplainDifference(field=field, recorded=str(attempt.rate_micros), computed=str(rate), why=_why(record, answer)))


def _key(attempt: records_pb2.GatewayAttempt) -> str:
    """`<carrier>/<name>`: edges record the gateway so, or by its name alone."""
    return attempt.gateway if "/" in attempt.gateway else f"{attempt.carrier}/{attempt.gateway}"


def _why(record: records_pb2.Record, answer: pb.ExplainResponse) -> str:
    if answer.assumed:
        return "because of the changes that were assumed"
    if not answer.HasField("position_time"):
        return "the log has changed since the call"
    if answer.position != record.position:
        return f"the log was another at position {answer.position}; the call was decided at {record.position}"
    return "at the same position; what is not in the log, or an earlier version's rules, decided otherwise"
