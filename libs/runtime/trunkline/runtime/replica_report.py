"""Where each process's replica stands, told on core NATS: `replicas.at.<process>`, a JSON object every two seconds.

Nothing is acknowledged and nothing kept: who is not heard for some seconds is down, or cut off from whoever listens. Edges are asked
themselves (`EdgeService.GetStatus`) and tell nothing.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Final

import nats.errors
from nats.aio.client import Client

from trunkline.eventlog.replica import Replica
from trunkline.runtime.logs import logger

SUBJECT: Final = "replicas.at"
TELL_S: Final = 2.0
MAX_BYTES: Final = 4_096
TEXT_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """`digest` in hexadecimal, at `position`; `lag` in commits behind the last beacon, `age_s` since that beacon, negative: none yet.
    `is_following`: the log's home gives it commits."""

    process: str
    region: str
    epoch: str
    position: int
    digest: str
    lag: int
    age_s: float
    is_complete: bool
    is_following: bool
    is_rebuilding: bool


def report_of(replica: Replica, process: str, region: str) -> ReplicaReport:
    age_s = replica.age_s
    return ReplicaReport(
        process,
        region,
        replica.epoch,
        replica.covered,
        replica.digest.hex(),
        replica.lag,
        -1.0 if age_s is None else round(age_s, 3),
        replica.is_complete,
        replica.is_following,
        replica.is_rebuilding,
    )


def encode_report(report: ReplicaReport) -> bytes:
    return json.dumps(asdict(report), separators=(",", ":")).encode()


def parse_report(body: bytes) -> ReplicaReport:
    """What a later version says besides is passed over. Raises ValueError, saying what is wrong."""
    if len(body) > MAX_BYTES:
        raise ValueError(f"{len(body)} bytes; a report has at most {MAX_BYTES}")
    fields = json.loads(body)
    if not isinstance(fields, dict):
        raise ValueError("a report is a JSON object")
    found: dict[str, object] = {}
    for name, kind in ReplicaReport.__annotations__.items():
        value = fields.get(name)
        if not _is_of(value, kind):
            raise ValueError(f"{name} is no {kind}: {value!r:.80}")
        found[name] = value
    return ReplicaReport(**found)  # type: ignore[arg-type]


def _is_of(value: object, kind: str) -> bool:
    match kind:
        case "str":
            return isinstance(value, str) and len(value) <= TEXT_LIMIT
        case "int":
            return type(value) is int and 0 <= value < 1 << 63
        case "float":
            return type(value) in (int, float)
        case _:
            return type(value) is bool


async def tell_replica(client: Client, replica: Replica, process: str, region: str) -> None:
    """For ever; a lost connection is waited out."""
    while True:
        if client.is_connected:
            try:
                await client.publish(f"{SUBJECT}.{process}", encode_report(report_of(replica, process, region)))
            except (nats.errors.Error, OSError) as error:
                logger("control").info("replica not told", why=f"{type(error).__name__}: {error}")
        await asyncio.sleep(TELL_S)
