"""The streams that the platform lives on: made where they are missing, checked where they are there.

    CONFIG      home only   config.>            every change, for ever
    CALLS       each region calls.<region>.>    facts of calls
    CALLS_ALL   home only   sources: all CALLS  what records are made of
    BANS        each region bans.<region>.>     who is banned, auth's and the operators' last word about each
    VOUCHES     each region vouches.<region>.>  who lately sent right credentials
    POPS        each region pops.changed.<region>.>  changes of points of presence

Every request names the region whose JetStream it is for (`$JS.<region>.API`): a server answers for its own domain under that prefix, and
the leaf links carry it to the others. Subjects of two regions are disjoint, for both servers would store what both listen to.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from trunkline.domain.bans import BANS_LIMIT, SOURCES_LIMIT, VOUCHED_S
from trunkline.domain.pop_changes import CHANGES_LIMIT
from trunkline.eventlog.log import MAX_COMMIT_BYTES, LogUnavailable
from trunkline.eventlog.request import request
from trunkline.eventlog.ulid import new_ulid

CONFIG: Final = "CONFIG"
CALLS: Final = "CALLS"
CALLS_ALL: Final = "CALLS_ALL"
BANS: Final = "BANS"
VOUCHES: Final = "VOUCHES"
POPS: Final = "POPS"

HOME: Final = "eu"
"""The home region where nothing else is said."""

EPOCH_KEY: Final = "trunkline-epoch"
"""Metadata of CONFIG: a name that a stream gets once, so that another one is told from it."""

WAIT_LIMIT_S: Final = 10.0
"""For JetStream to come up behind a server that has just been started."""

REQUEST_LIMIT_S: Final = 2.0
RETRY_S: Final = 0.05
AWAY_RETRY_FIRST_S: Final = 0.25
AWAY_RETRY_LIMIT_S: Final = 5.0
"""Between two tries to make the stream of a region that is away."""

CALLS_MAX_AGE_S: Final = 30 * 86_400
"""Records are a projection of CALLS; a month is time to rebuild it, and an operator's exports hold what is older."""

BANS_MAX_AGE_S: Final = 8 * 86_400
"""Longer than the longest ban, so that none is forgotten before it ends."""

POPS_MAX_AGE_S: Final = 400 * 86_400
"""A year's report can be made of it, with a month to do so."""

MAX_CALLS_MESSAGE_BYTES: Final = 1024 * 1024
_NANO: Final = 1_000_000_000
_DEDUPLICATION_S: Final = 600
_STREAM_NOT_FOUND: Final = 10059

_CHECKED: Final = (
    "subjects",
    "retention",
    "storage",
    "discard",
    "max_msgs",
    "max_bytes",
    "max_msgs_per_subject",
    "allow_atomic",
    "deny_delete",
    "deny_purge",
)
"""Settings whose difference would lose messages or let appends through that must not be."""

_log = logging.getLogger("trunkline.eventlog.streams")


def api_prefix(region: str) -> str:
    """Of the requests to a region's JetStream."""
    return f"$JS.{region}.API"


def config_stream(replicas: int = 1) -> dict[str, Any]:
    """CONFIG: for ever. Nothing in it is deleted, purged or limited, for mirrors do not copy deletions."""
    return {
        "name": CONFIG,
        "subjects": ["config.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": replicas,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msgs_per_subject": -1,
        "max_msg_size": MAX_COMMIT_BYTES,
        "allow_direct": True,
        "allow_atomic": True,
        "deny_delete": True,
        "deny_purge": True,
        "duplicate_window": _DEDUPLICATION_S * _NANO,
        "compression": "s2",
    }


def calls_stream(region: str, replicas: int = 1) -> dict[str, Any]:
    """CALLS of a region: facts of calls, a message a batch, kept CALLS_MAX_AGE_S."""
    return {
        "name": CALLS,
        "subjects": [f"calls.{region}.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "num_replicas": replicas,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": CALLS_MAX_AGE_S * _NANO,
        "max_msgs_per_subject": -1,
        "max_msg_size": MAX_CALLS_MESSAGE_BYTES,
        "allow_direct": True,
        "deny_delete": True,
        "duplicate_window": _DEDUPLICATION_S * _NANO,
        "compression": "s2",
    }


def bans_stream(region: str, replicas: int = 1) -> dict[str, Any]:
    """BANS of a region: about each address the last that its auth services found and the last that an operator said through them. Not part
    of CONFIG: an attacker would write into a log that never shrinks."""
    return {
        "name": BANS,
        "subjects": [f"bans.{region}.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": replicas,
        "max_msgs": BANS_LIMIT,
        "max_bytes": -1,
        "max_age": BANS_MAX_AGE_S * _NANO,
        "max_msgs_per_subject": 1,
        "max_msg_size": 4096,
        "allow_direct": True,
    }


def vouches_stream(region: str, replicas: int = 1) -> dict[str, Any]:
    """VOUCHES of a region: who sent right credentials within VOUCHED_S, by its auth services. Apart from BANS, which they must not crowd
    out."""
    return {
        "name": VOUCHES,
        "subjects": [f"vouches.{region}.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": replicas,
        "max_msgs": SOURCES_LIMIT,
        "max_bytes": -1,
        "max_age": VOUCHED_S * _NANO,
        "max_msgs_per_subject": 1,
        "max_msg_size": 256,
        "allow_direct": True,
    }


def pops_stream(region: str, replicas: int = 1) -> dict[str, Any]:
    """POPS of a region: the newest CHANGES_LIMIT changes of each point of presence. Not part of CONFIG: one that comes and goes would write
    into a log that never shrinks."""
    return {
        "name": POPS,
        "subjects": [f"pops.changed.{region}.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": replicas,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": POPS_MAX_AGE_S * _NANO,
        "max_msgs_per_subject": CHANGES_LIMIT,
        "max_msg_size": 4096,
        "allow_direct": True,
        "deny_delete": True,
        "deny_purge": True,
    }


def calls_all_stream(home: str, regions: Sequence[str], replicas: int = 1) -> dict[str, Any]:
    """CALLS_ALL: all regions' CALLS in one, in each region's order. Nobody publishes to it. Its sequences are its own."""
    return {
        "name": CALLS_ALL,
        "sources": [_source(home, region) for region in regions],
        "retention": "limits",
        "storage": "file",
        # A source cannot be told to wait: a full stream would lose what comes, whichever is discarded, so there is no limit but the age.
        "discard": "old",
        "num_replicas": replicas,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": CALLS_MAX_AGE_S * _NANO,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "allow_direct": True,
        "deny_delete": True,
        "compression": "s2",
    }


async def ensure_config(nc: Client, home: str = HOME, *, replicas: int = 1) -> None:
    """Create CONFIG at home where it is missing. For home's provisioning; any number of processes may do it at once, and again.

    Raises StreamDiffers where one is there with settings that would lose messages; nothing is changed then. LogUnavailable after
    WAIT_LIMIT_S without JetStream.
    """
    await _ensure(nc, home, {**config_stream(replicas), "metadata": {EPOCH_KEY: new_ulid()}})


async def ensure_calls(nc: Client, region: str, *, replicas: int = 1) -> None:
    """Create CALLS of one region, or narrow one that took `calls.>`, as those of the first version did. Raises as `ensure_config`."""
    await _ensure(nc, region, calls_stream(region, replicas), changed=("subjects",))


async def ensure_calls_all(nc: Client, home: str, regions: Sequence[str], *, replicas: int = 1) -> None:
    """Create CALLS_ALL at home, or give it these sources. The regions may be away. Raises as `ensure_config`."""
    await _ensure(nc, home, calls_all_stream(home, regions, replicas), changed=("sources",))


async def ensure_bans(nc: Client, region: str, *, replicas: int = 1) -> None:
    """Create BANS of one region where it is missing; tried until it is there, for ever. Raises StreamDiffers."""
    await _until_there(region, BANS, lambda: _ensure(nc, region, bans_stream(region, replicas)))


async def ensure_vouches(nc: Client, region: str, *, replicas: int = 1) -> None:
    """Create VOUCHES of one region where it is missing; tried until it is there, for ever. Raises StreamDiffers."""
    await _until_there(region, VOUCHES, lambda: _ensure(nc, region, vouches_stream(region, replicas)))


async def ensure_pops(nc: Client, region: str, *, replicas: int = 1) -> None:
    """Create POPS of one region where it is missing; tried until it is there, for ever. Raises StreamDiffers."""
    await _until_there(region, POPS, lambda: _ensure(nc, region, pops_stream(region, replicas)))


async def ensure_all_calls(nc: Client, home: str, regions: Sequence[str], *, replicas: int = 1) -> None:
    """CALLS in every region and CALLS_ALL at home. Returns when all are there; a region that is away is tried again, for ever, and holds
    up none of the others. Raises StreamDiffers."""
    async with asyncio.TaskGroup() as group:
        for region in regions:
            group.create_task(_ensure_when_there(nc, region, replicas))
        group.create_task(_ensure_all_when_there(nc, home, regions, replicas))


async def ensure_streams(nc: Client, home: str = HOME, regions: Sequence[str] = (HOME,), *, replicas: int = 1) -> None:
    """All of them, for who may make all: tests, benchmarks. Raises as `ensure_config`; waits for every region."""
    await ensure_config(nc, home, replicas=replicas)
    for region in regions:
        await ensure_calls(nc, region, replicas=replicas)
    await ensure_calls_all(nc, home, regions, replicas=replicas)


class StreamDiffers(Exception):
    """A stream has settings that this version cannot work with; the text names each with what was found and what is needed."""


async def _ensure_when_there(nc: Client, region: str, replicas: int) -> None:
    await _until_there(region, CALLS, lambda: ensure_calls(nc, region, replicas=replicas))


async def _ensure_all_when_there(nc: Client, home: str, regions: Sequence[str], replicas: int) -> None:
    await _until_there(home, CALLS_ALL, lambda: ensure_calls_all(nc, home, regions, replicas=replicas))


async def _until_there(region: str, stream: str, ensure: Callable[[], Awaitable[None]]) -> None:
    retry_s = AWAY_RETRY_FIRST_S
    while True:
        try:
            await ensure()
        except LogUnavailable as error:
            _log.info("stream %s of region %s is not there yet, tried again in %s s: %s", stream, region, retry_s, error)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, AWAY_RETRY_LIMIT_S)
        else:
            return


def _source(home: str, region: str) -> dict[str, Any]:
    if region == home:
        return {"name": CALLS}
    return {"name": CALLS, "external": {"api": api_prefix(region), "deliver": ""}}


async def _ensure(nc: Client, region: str, wanted: Mapping[str, Any], *, changed: Sequence[str] = ()) -> None:
    """`changed` names the settings that are brought to what is wanted; any other difference is told and left alone."""
    name = wanted["name"]
    found = await _ask(nc, region, f"STREAM.INFO.{name}", None)
    if found.get("error", {}).get("err_code") == _STREAM_NOT_FOUND:
        created = await _ask(nc, region, f"STREAM.CREATE.{name}", wanted)
        if "error" not in created:
            return
        # Somebody else may have been faster, with another epoch: what is there now decides.
        found = await _ask(nc, region, f"STREAM.INFO.{name}", None)
        if "error" in found:
            raise LogUnavailable(f"stream {name} of region {region} could not be created: {created['error']}. See the server's log.")
    if "error" in found:
        raise LogUnavailable(f"stream {name} of region {region}: {found['error']}. See the server's log.")
    config = found["config"]
    differences = [
        f"{key} is {config.get(key)!r}, needed is {wanted[key]!r}"
        for key in _CHECKED
        if key in wanted and key not in changed and config.get(key) != wanted[key]
    ]
    if differences:
        raise StreamDiffers(f"stream {name} of region {region}: {'; '.join(differences)}. Set these by hand, or start with an empty store.")
    changes = {key: wanted[key] for key in changed if _differ(config.get(key) or [], wanted[key])}
    if changes:
        updated = await _ask(nc, region, f"STREAM.UPDATE.{name}", {**config, **changes})
        if "error" in updated:
            raise LogUnavailable(
                f"stream {name} of region {region} could not be given {changes}: {updated['error']}. See the server's log."
            )
        _log.info("stream %s of region %s was given %s", name, region, changes)


def _differ(found: Iterable[Any], wanted: Iterable[Any]) -> bool:
    """Whatever the order: the server has one of its own."""
    return {json.dumps(each, sort_keys=True) for each in found} != {json.dumps(each, sort_keys=True) for each in wanted}


async def _ask(nc: Client, region: str, what: str, question: Mapping[str, Any] | None) -> dict[str, Any]:
    subject = f"{api_prefix(region)}.{what}"
    deadline = asyncio.get_running_loop().time() + WAIT_LIMIT_S
    while True:
        try:
            message = await request(nc, subject, json.dumps(question).encode() if question else b"", REQUEST_LIMIT_S)
        except (nats.errors.Error, OSError) as error:
            if asyncio.get_running_loop().time() + RETRY_S >= deadline:
                raise LogUnavailable(
                    f"JetStream of region {region} did not answer {what} within {WAIT_LIMIT_S} s ({type(error).__name__})."
                    " Is its nats-server up, with a jetstream block, and the link to it?"
                ) from error
            await asyncio.sleep(RETRY_S)
            continue
        answer: dict[str, Any] = json.loads(message.data)
        if answer.get("error", {}).get("code") == 503 and asyncio.get_running_loop().time() + RETRY_S < deadline:
            await asyncio.sleep(RETRY_S)
            continue
        return answer
