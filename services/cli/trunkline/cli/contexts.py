"""Platforms that this person works with: addresses, certificate and key of each, by name, in one file that nobody else may read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trunkline.cli.exits import CommandError, Exit

SERVICES: Final = ("provisioning", "routing", "records", "auth", "dns")
MODE: Final = 0o600
"""There are keys in it."""


@dataclass(frozen=True, slots=True)
class Context:
    """`state` is the folder of a platform of this machine; without one `services` are gRPC addresses by name (home's, and edges as
    `edge-eu1`). `tls` is a folder with ca.crt, client.crt and client.key. `key` is an API key, or empty: TRUNKLINE_API_KEY."""

    state: str = ""
    services: Mapping[str, str] = field(default_factory=dict)
    tls: str = ""
    key: str = field(default="", repr=False)
    base_domain: str = ""

    def local(self) -> dict[str, Any]:
        """As local.json of a platform says it."""
        tls = {"ca_file": f"{self.tls}/ca.crt", "cert_file": f"{self.tls}/client.crt", "key_file": f"{self.tls}/client.key"}
        keys = {"api_key": self.key} if self.key else {}
        found: dict[str, Any] = {"grpc": dict(self.services), "operator": keys, "demo": keys}
        if self.tls:
            found["tls"] = tls
        if self.base_domain:
            found["base_domain"] = self.base_domain
        return found


@dataclass(frozen=True, slots=True)
class Contexts:
    """`current` is one of `contexts`, or empty."""

    current: str = ""
    contexts: Mapping[str, Context] = field(default_factory=dict)


def contexts_file() -> Path:
    """TRUNKLINE_CONTEXTS, else where the desktop keeps settings."""
    chosen = os.environ.get("TRUNKLINE_CONTEXTS")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "trunkline" / "contexts.json"


def read_contexts() -> Contexts:
    """Empty where there is no file. Raises CommandError for a damaged one."""
    path = contexts_file()
    if not path.exists():
        return Contexts()
    try:
        document = json.loads(path.read_text())
        found = {name: Context(**fields) for name, fields in document["contexts"].items()}
        return Contexts(str(document["current"]), found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CommandError(f"{path} cannot be read", why=str(error), remedy="mend it, or remove it and add the contexts again") from error


def write_contexts(contexts: Contexts) -> None:
    """Whole, or not at all. Raises CommandError."""
    path = contexts_file()
    named = {name: {each: getattr(context, each) for each in Context.__slots__} for name, context in contexts.contexts.items()}
    text = json.dumps({"current": contexts.current, "contexts": named}, indent=2) + "\n"
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.touch(mode=MODE)
        beside.write_text(text)
        beside.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written", why=error.strerror or str(error)) from error


def chosen_context() -> str:
    """TRUNKLINE_CONTEXT's, else the one in use; empty: there is none. Raises CommandError."""
    chosen = os.environ.get("TRUNKLINE_CONTEXT", "")
    if chosen or os.environ.get("TRUNKLINE_STATE"):
        # Whoever names the folder of a platform means that one.
        return chosen
    return read_contexts().current


def current_context() -> Context | None:
    """None: there is none, and local.json says all. Raises CommandError."""
    name = chosen_context()
    if not name:
        return None
    known = read_contexts()
    found = known.contexts.get(name)
    if found is None:
        remedy = f"choose one of: {', '.join(known.contexts) or 'none yet'}; `trunkline context add` adds one"
        raise CommandError(f"there is no context {name!r}", remedy=remedy, code=Exit.NOT_FOUND)
    return found
