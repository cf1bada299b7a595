"""CallRecord → the message `Record` of the API."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.records.v1 import records_pb2
from trunkline.records.fold import CallRecord, Try


def record_message(record: CallRecord) -> records_pb2.Record:
    attempted = record.attempted
    return records_pb2.Record(
        call=record.call,
        tenant=attempted.tenant,
        domain=attempted.domain,
        host=attempted.host,
        number=attempted.number,
        sip_call_id=attempted.sip_call_id,
        outcome=record.outcome.value,
        setup_time=_timestamp(record.setup_ns),
        ringing_time=_timestamp(record.ringing_ns),
        answer_time=_timestamp(record.answer_ns),
        end_time=_timestamp(record.end_ns),
        duration_ms=record.duration_ms,
        ended_by=record.ended_by,
        status=record.status,
        reason=record.reason,
        reason_text=record.reason_text,
        facts=record.facts,
        q850=record.q850,
        source=attempted.source,
        transport=attempted.transport,
        from_uri=attempted.from_uri,
        to_uri=attempted.to_uri,
        user_agent=attempted.user_agent,
        acl=attempted.acl,
        account=attempted.account,
        address=attempted.address,
        username=attempted.username,
        digest_algorithm=attempted.digest_algorithm,
        caller_id=attempted.caller_id,
        presented=attempted.presented,
        is_private=attempted.is_private,
        privacy=attempted.privacy,
        pop=attempted.pop,
        edge=attempted.edge,
        position=attempted.position,
        attempts=[_attempt_message(each) for each in record.tries],
        prefix=attempted.prefix,
        price_micros=record.price_micros,
        currency=record.currency,
        notes=record.notes,
        max_duration_s=attempted.max_duration_s,
        billed_s=record.billed_s,
        post_dial_delay_ms=record.post_dial_delay_ms,
    )


def _attempt_message(each: Try) -> records_pb2.GatewayAttempt:
    return records_pb2.GatewayAttempt(
        number=each.number,
        carrier=each.carrier,
        gateway=each.gateway,
        address=each.address,
        time=_timestamp(each.time_ns),
        result=each.result,
        status=each.status,
        rate_micros=each.rate_micros,
        elapsed_ms=each.elapsed_ms,
        initial_increment_s=each.initial_increment_s,
        next_increment_s=each.next_increment_s,
        connection_fee_micros=each.connection_fee_micros,
    )


def _timestamp(time_ns: int) -> Timestamp | None:
    """None, and so an unset field, for what has not happened."""
    if not time_ns:
        return None
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos)
