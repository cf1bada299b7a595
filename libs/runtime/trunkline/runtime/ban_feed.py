"""The streams BANS of all regions ↔ values: who is banned, for edges, which enforce it, and for auth, which issues it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import Final

from google.protobuf.message import DecodeError
from nats.aio.client import Client

from trunkline.api.events.v1 import ban_pb2
from trunkline.domain.bans import Ban
from trunkline.eventlog.log import LogDamaged
from trunkline.eventlog.streams import BANS, api_prefix
from trunkline.eventlog.tail import RawTail
from trunkline.runtime.logs import logger

_MICRO: Final = 1_000_000
_log = logger("bans")


def subject_of(region: str, ban: Ban) -> str:
    """`192.0.2.7/32` → `bans.eu.v4-c0000207-32.auth`: one address one subject for what auth finds, and another one for an operator's words,
    of which an automatic ban must leave the last in the stream."""
    return f"bans.{region}.{subject_tail(ban.cidr)}.{'operator' if ban.is_ruling else 'auth'}"


def subject_tail(cidr: str) -> str:
    """A prefix as one token of a subject."""
    network = ip_network(cidr)
    return f"v{network.version}-{network.network_address.packed.hex()}-{network.prefixlen}"


def to_message(ban: Ban) -> bytes:
    message = ban_pb2.Ban(
        cidr=ban.cidr,
        issued_us=round(ban.issued_s * _MICRO),
        until_us=round(ban.until_s * _MICRO),
        reason=ban.reason,
        issuer=ban.issuer,
    )
    return message.SerializeToString()


def ban_in(data: bytes) -> Ban:
    """ValueError for what is no ban, or one of no prefix."""
    try:
        message = ban_pb2.Ban.FromString(data)
    except DecodeError as error:
        raise ValueError(f"not a Ban: {error}") from error
    network = ip_network(message.cidr)
    return Ban(str(network), message.issued_us / _MICRO, message.until_us / _MICRO, message.reason, message.issuer)


async def follow_bans(client: Client, region: str, take: Callable[[list[Ban]], None]) -> None:
    """For ever: every word of one region's BANS, those that stand there first. What cannot be read is logged and left out."""
    while True:
        try:
            async for group in RawTail(client, BANS, api_prefix=api_prefix(region)).groups():
                bans = []
                for message in group:
                    try:
                        bans.append(ban_in(message.data))
                    except ValueError as error:
                        _log.warning("a ban cannot be read", region=region, sequence=message.sequence, why=str(error))
                take(bans)
        except LogDamaged as error:
            _log.info("reading all bans of a region again", region=region, why=str(error))


async def follow_all_bans(client: Client, regions: Iterable[str], take: Callable[[list[Ban]], None]) -> None:
    """`follow_bans` of each."""
    async with asyncio.TaskGroup() as group:
        for region in regions:
            group.create_task(follow_bans(client, region, take), name=f"bans of {region}")
