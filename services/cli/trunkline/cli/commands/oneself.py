"""`trunkline whoami`: which platform is asked, with whose key, and what that may."""

from __future__ import annotations

import os
from typing import Any

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import session, state_folder
from trunkline.cli.contexts import chosen_context
from trunkline.cli.options import READING, Reading
from trunkline.cli.output import clock, plain, show_one


async def whoami(*, options: Reading = READING) -> None:
    """Says which platform is asked, whose the key is, and what it may until when."""
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).WhoAmI(provisioning.WhoAmIRequest())
        address = connected.around.address("provisioning")
    found: dict[str, Any] = {
        "context": chosen_context() or None,
        "provisioning": address,
        **{name: value for name, value in plain(answer).items() if name != "api_key"},
        "key": plain(answer.api_key) if answer.HasField("api_key") else None,
    }
    if options.is_data:
        show_one(options.output, found)
        return
    key = found.pop("key")
    shown = {**found, "context": found["context"] or f"none: {state_folder() / 'local.json'}", "key from": _key_from()}
    if key is not None:
        ends = clock(key["expire_time"]) if key["expire_time"] else "never"
        shown |= {"key": key["id"], "key name": key["name"], "may": key["scopes"] or "all that its tenant may", "ends": ends}
    show_one(options.output, shown)


def _key_from() -> str:
    return "TRUNKLINE_API_KEY" if os.environ.get("TRUNKLINE_API_KEY") else "the platform's file or context"
