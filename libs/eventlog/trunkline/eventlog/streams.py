"""The streams that the platform lives on: made where they are missing, checked where they are there, never changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from trunkline.eventlog.log import MAX_COMMIT_BYTES, LogUnavailable
from trunkline.eventlog.request import request
from trunkline.eventlog.ulid import new_ulid

CONFIG: Final = "CONFIG"
CALLS: Final = "CALLS"
EPOCH_KEY: Final = "trunkline-epoch"
"""Metadata of CONFIG: a name that a stream gets once, so that another one is told from it."""

WAIT_LIMIT_S: Final = 10.0
"""For JetStream to come up behind a server that has just been started."""

REQUEST_LIMIT_S: Final = 2.0
RETRY_S: Final = 0.05

CALLS_MAX_AGE_S: Final = 30 * 86_400
"""Records are a projection of CALLS; a month is time to rebuild it, and an operator's exports hold what is older."""

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


def calls_stream(replicas: int = 1) -> dict[str, Any]:
    """CALLS: facts of calls, a message a batch, kept CALLS_MAX_AGE_S."""
    return {
        "name": CALLS,
        "subjects": ["calls.>"],
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


async def ensure_streams(nc: Client, *, replicas: int = 1) -> None:
    """Create CONFIG and CALLS where they are missing. Any number of processes may do it at once, and again.

    Raises StreamDiffers where one is there with settings that would lose messages; nothing is changed then. LogUnavailable after
    WAIT_LIMIT_S without JetStream.
    """
    await _ensure(nc, {**config_stream(replicas), "metadata": {EPOCH_KEY: new_ulid()}})
    await _ensure(nc, calls_stream(replicas))


class StreamDiffers(Exception):
    """A stream has settings that this version cannot work with; the text names each with what was found and what is needed."""


async def _ensure(nc: Client, wanted: Mapping[str, Any]) -> None:
    name = wanted["name"]
    found = await _ask(nc, f"STREAM.INFO.{name}", None)
    if found.get("error", {}).get("err_code") == _STREAM_NOT_FOUND:
        created = await _ask(nc, f"STREAM.CREATE.{name}", wanted)
        if "error" not in created:
            return
        # Somebody else may have been faster, with another epoch: what is there now decides.
        found = await _ask(nc, f"STREAM.INFO.{name}", None)
        if "error" in found:
            raise LogUnavailable(f"stream {name} could not be created: {created['error']}. See the server's log.")
    if "error" in found:
        raise LogUnavailable(f"stream {name}: {found['error']}. See the server's log.")
    differences = [
        f"{key} is {found['config'].get(key)!r}, needed is {wanted[key]!r}"
        for key in _CHECKED
        if key in wanted and found["config"].get(key) != wanted[key]
    ]
    if differences:
        raise StreamDiffers(f"stream {name}: {'; '.join(differences)}. Set these by hand, or start with an empty store.")


async def _ask(nc: Client, what: str, question: Mapping[str, Any] | None) -> dict[str, Any]:
    deadline = asyncio.get_running_loop().time() + WAIT_LIMIT_S
    while True:
        try:
            message = await request(nc, f"$JS.API.{what}", json.dumps(question).encode() if question else b"", REQUEST_LIMIT_S)
        except (nats.errors.Error, OSError) as error:
            if asyncio.get_running_loop().time() + RETRY_S >= deadline:
                raise LogUnavailable(
                    f"JetStream did not answer {what} within {WAIT_LIMIT_S} s ({type(error).__name__})."
                    " Is nats-server up, with a jetstream block?"
                ) from error
            await asyncio.sleep(RETRY_S)
            continue
        answer: dict[str, Any] = json.loads(message.data)
        if answer.get("error", {}).get("code") == 503 and asyncio.get_running_loop().time() + RETRY_S < deadline:
            await asyncio.sleep(RETRY_S)
            continue
        return answer
