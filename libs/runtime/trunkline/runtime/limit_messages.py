"""Messages about shares of limits ↔ the values of `trunkline.domain.limit_shares`, and where they are sent."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError

from trunkline.api.edge.v1 import limits_pb2 as pb
from trunkline.domain.class_of_service import LimitKey
from trunkline.domain.limit_shares import Grant, Report, Share, Use

USE: Final = "limits.use"
GRANT: Final = "limits.grant"
ENDED: Final = "limits.ended"
ASKED: Final = "limits.asked"
"""Each with the point of presence behind a dot; ENDED may have the process of a records service there. Asked is about calls whose end may
have been missed."""


def report_bytes(report: Report) -> bytes:
    message = pb.LimitReport(
        edge=report.edge,
        boot=report.boot,
        number=report.number,
        term=report.term,
        applied=report.applied,
        is_leased=report.is_leased,
        uses=[
            pb.LimitUse(
                key=_key(use.key),
                calls=use.calls,
                needed_calls=use.needed_calls,
                wanted_calls=use.wanted_calls,
                needed_rate=use.needed_rate,
                wanted_rate=use.wanted_rate,
                held_calls=use.held_calls,
                held_rate=use.held_rate,
            )
            for use in report.uses
        ],
    )
    return message.SerializeToString()


def report_of(body: bytes) -> Report:
    """Raises ValueError for what is no report."""
    message = pb.LimitReport()
    _parse(message, body)
    uses = tuple(
        Use(
            _key_of(use.key),
            use.calls,
            use.needed_calls,
            use.wanted_calls,
            use.needed_rate,
            use.wanted_rate,
            use.held_calls,
            use.held_rate,
        )
        for use in message.uses
    )
    return Report(message.edge, message.boot, message.number, message.term, message.applied, message.is_leased, uses)


def grant_bytes(grant: Grant) -> bytes:
    message = pb.LimitGrant(
        term=grant.term,
        edge=grant.edge,
        boot=grant.boot,
        report=grant.report,
        number=grant.number,
        edges=grant.edges,
        has_shares=grant.shares is not None,
        shares=[pb.LimitShare(key=_key(share.key), calls=share.calls, rate=share.rate) for share in grant.shares or ()],
    )
    return message.SerializeToString()


def grant_of(body: bytes) -> Grant:
    """Raises ValueError for what is no grant."""
    message = pb.LimitGrant()
    _parse(message, body)
    shares = tuple(Share(_key_of(share.key), share.calls, share.rate) for share in message.shares) if message.has_shares else None
    return Grant(message.term, message.edge, message.boot, message.report, message.number, max(1, message.edges), shares)


def ended_bytes(calls: list[str]) -> bytes:
    return pb.CallsEnded(calls=calls).SerializeToString()


def ended_of(body: bytes) -> list[str]:
    """Raises ValueError for what is no list of calls."""
    message = pb.CallsEnded()
    _parse(message, body)
    return list(message.calls)


def _parse(message: pb.LimitReport | pb.LimitGrant | pb.CallsEnded, body: bytes) -> None:
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise ValueError(f"{len(body)} bytes are no {message.DESCRIPTOR.name}: {error}") from error


def _key(key: LimitKey) -> pb.LimitKey:
    return pb.LimitKey(tenant=key.tenant, domain=key.domain)


def _key_of(message: pb.LimitKey) -> LimitKey:
    return LimitKey(message.tenant, message.domain)
