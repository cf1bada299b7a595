"""`trunkline key`: API keys, what each may, and until when."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from cyclopts import App
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, WRITING, ApiKeyId, Listing, TenantName, Words, Writing
from trunkline.cli.output import clock, errors, plain, show_list
from trunkline.cli.times import SPAN, UNITS, stamp
from trunkline.cli.writing import finish

KEY_BYTES: Final = 32
Scopes = Literal["read", "access:write", "trunks:write", "calls:write", "keys:write"]

key = App(name=["key", "apikey"], help="API keys: what each may, and until when.")


def new_key() -> str:
    return f"tk_{secrets.token_urlsafe(KEY_BYTES)}"


def hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


@key.command(name="create")
async def create_key(
    owner: TenantName = "",
    *,
    name: str = "cli",
    scopes: Annotated[tuple[Scopes, ...], Words] = (),
    expires: str = "",
    options: Writing = WRITING,
) -> None:
    """Makes an API key here, registers its hash, and shows it once. It may no more than the key that asks.

    Parameters
    ----------
    owner: The tenant (operators); left out: that of the key that asks.
    name: For people.
    scopes: What it may: read, access:write (ACLs), trunks:write (domains), calls:write (hanging up), keys:write. Left out: everything.
    expires: After 90d, 12h or 30m, or at a time such as 2027-01-31 or 2027-01-31T12:00+01:00. Left out: it does not end.
    """
    secret = new_key()
    request = provisioning.CreateApiKeyRequest(
        write=options.options(), tenant=owner or options.tenant, name=name, key_hash=hash_of(secret), scopes=scopes
    )
    if expires:
        request.expire_time.CopyFrom(end_of(expires, datetime.now(UTC)))
    async with session(is_operator=options.as_operator or bool(owner)) as connected:
        answer = await (await connected.provisioning()).CreateApiKey(request)
        whose = f" of {owner}" if owner else ""
        errors.print(f"API key{whose}: {secret}   (shown this once; only its hash is stored)", markup=False, soft_wrap=True)
        await finish(connected, options, f"created API key {answer.api_key.id}", answer.receipt, answer.api_key)


@key.command(name="list")
async def list_keys(owner: TenantName = "", *, options: Listing = LISTING) -> None:
    """Lists API keys, and in which minute each was last used.

    Parameters
    ----------
    owner: The tenant (operators); left out: that of the key that asks.
    """
    async with session(is_operator=options.as_operator or bool(owner)) as connected:
        request = provisioning.ListApiKeysRequest(tenant=owner or options.tenant)
        answer = await (await connected.provisioning()).ListApiKeys(request)
    rows = [plain(row) for row in answer.api_keys]
    if not options.is_data:
        rows = [
            {
                **row,
                "scopes": row["scopes"] or "all",
                "ends": clock(row["expire_time"]),
                "ended": row["is_expired"],
                "used": clock(row["last_use_time"]),
            }
            for row in rows
        ]
    show_list(options.output, rows, ["id", "name", "scopes", "ends", "ended", "used", "version"], nothing="no API key")


@key.command(name="revoke")
async def revoke_key(key: ApiKeyId, *, options: Writing = WRITING) -> None:
    """Revokes an API key.

    Parameters
    ----------
    key: The key's id, as in `trunkline key list`.
    """
    request = provisioning.RevokeApiKeyRequest(write=options.options(), tenant=options.tenant, api_key=key)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).RevokeApiKey(request)
        await finish(connected, options, f"revoked API key {key}", answer.receipt)


def end_of(text: str, now: datetime, option: str = "--expires") -> Timestamp:
    """`90d`, `12h`, `30m` from now on, or a time; without a zone this machine's. Raises CommandError."""
    span = SPAN.fullmatch(text)
    try:
        ends = now + int(span[1]) * UNITS[span[2]] if span is not None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        remedy = "write it as 90d, 12h, 30m or 2027-01-31"
        raise CommandError(f"{option} {text!r} is no time", why=str(error), remedy=remedy, code=Exit.USAGE) from error
    return stamp(ends)
