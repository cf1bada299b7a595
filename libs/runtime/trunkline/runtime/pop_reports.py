"""What edges say of points of presence, on core NATS: `pops.seen.<pop>`, a JSON object a second (docs/adr/0017-pop-health.md).

    {"edge": "edge-eu1", "pop": "eu1", "serving": true, "sights": {"us1": [0, 12], "us2": [3, 0]}, "streams": {"tls": {"us1": [0, 2]}}}

A sight is pings missed and pings answered, in a row; those over UDP stand in `sights`, those by another transport in `streams`. Nothing
is stored: what was not heard is said again a second later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from trunkline.domain.pop_health import Report, Sight
from trunkline.domain.pop_streams import TRANSPORTS

SUBJECT: Final = "pops.seen"
REPORT_LIMIT_BYTES: Final = 8192
"""Some 40 bytes a sight, of which there are `pop_health.OBSERVERS` a transport."""
NAME_LIMIT: Final = 64
_COUNT_LIMIT: Final = 1_000_000


def encode_report(report: Report) -> bytes:
    """Without `heard_s`, which is the hearer's."""
    document: dict[str, Any] = {"edge": report.edge, "pop": report.pop, "serving": report.is_serving, "sights": _written(report.sights)}
    if report.streams:
        document["streams"] = {transport: _written(sights) for transport, sights in report.streams.items()}
    return json.dumps(document, separators=(",", ":")).encode()


def parse_report(body: bytes, heard_s: float) -> Report:
    """Raises ValueError, naming what is wrong."""
    if len(body) > REPORT_LIMIT_BYTES:
        raise ValueError(f"a report has at most {REPORT_LIMIT_BYTES} bytes, this one {len(body)}")
    fields = json.loads(body)
    if not isinstance(fields, dict):
        raise ValueError("a report is a JSON object")
    edge, pop, serving, sights = (fields.get(name) for name in ("edge", "pop", "serving", "sights"))
    if not (isinstance(edge, str) and isinstance(pop, str) and isinstance(serving, bool) and isinstance(sights, dict)):
        raise ValueError(f"a report needs edge, pop, serving and sights, this one has {sorted(fields)}")
    if not (0 < len(edge) <= NAME_LIMIT and 0 < len(pop) <= NAME_LIMIT):
        raise ValueError(f"names have 1 to {NAME_LIMIT} characters")
    # Edges of an earlier version have none; transports that are not known here are nobody's business.
    streams = fields.get("streams", {})
    if not (isinstance(streams, dict) and all(isinstance(each, dict) for each in streams.values())):
        raise ValueError("streams are sights by transport")
    by_transport = {transport: _sights(streams[transport]) for transport in TRANSPORTS if transport in streams}
    return Report(edge, pop, heard_s, serving, _sights(sights), by_transport)


def _written(sights: Mapping[str, Sight]) -> dict[str, list[int]]:
    return {pop: [min(sight.missed, _COUNT_LIMIT), min(sight.answered, _COUNT_LIMIT)] for pop, sight in sights.items()}


def _sights(fields: Mapping[str, object]) -> dict[str, Sight]:
    return {name: _sight(name, value) for name, value in fields.items()}


def _sight(name: str, value: object) -> Sight:
    match value:
        case [int(missed), int(answered)] if 0 <= missed <= _COUNT_LIMIT and 0 <= answered <= _COUNT_LIMIT:
            return Sight(missed, answered)
        case _:
            raise ValueError(f"a sight of {name[:NAME_LIMIT]} is [missed, answered], not {value!r:.60}")
