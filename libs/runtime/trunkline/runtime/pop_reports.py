"""What edges say of points of presence, on core NATS: `pops.seen.<pop>`, a JSON object a second (docs/adr/0017-pop-health.md).

    {"edge": "edge-eu1", "pop": "eu1", "serving": true, "sights": {"us1": [0, 12], "us2": [3, 0]}}

A sight is pings missed and pings answered, in a row. Nothing is stored: what was not heard is said again a second later.
"""

from __future__ import annotations

import json
from typing import Final

from trunkline.domain.pop_health import Report, Sight

SUBJECT: Final = "pops.seen"
REPORT_LIMIT_BYTES: Final = 8192
"""Some 40 bytes a sight, of which there are `pop_health.OBSERVERS`."""
NAME_LIMIT: Final = 64
_COUNT_LIMIT: Final = 1_000_000


def encode_report(report: Report) -> bytes:
    """Without `heard_s`, which is the hearer's."""
    sights = {pop: [min(sight.missed, _COUNT_LIMIT), min(sight.answered, _COUNT_LIMIT)] for pop, sight in report.sights.items()}
    document = {"edge": report.edge, "pop": report.pop, "serving": report.is_serving, "sights": sights}
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
    return Report(edge, pop, heard_s, serving, {name: _sight(name, value) for name, value in sights.items()})


def _sight(name: str, value: object) -> Sight:
    match value:
        case [int(missed), int(answered)] if 0 <= missed <= _COUNT_LIMIT and 0 <= answered <= _COUNT_LIMIT:
            return Sight(missed, answered)
        case _:
            raise ValueError(f"a sight of {name[:NAME_LIMIT]} is [missed, answered], not {value!r:.60}")
