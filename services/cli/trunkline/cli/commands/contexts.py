"""`trunkline context`: several platforms and keys, by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from trunkline.cli.completing import complete_contexts
from trunkline.cli.contexts import SERVICES, Context, Contexts, contexts_file, read_contexts, write_contexts
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import READING, Reading
from trunkline.cli.output import console, show_list

context = App(name="context", help="Platforms that commands are for: addresses, certificate and key of each.")

ContextName = Annotated[str, Parameter(completer=complete_contexts)]
KEY_VARIABLE: Final = "TRUNKLINE_API_KEY"


@context.command(name="list")
async def list_contexts(*, options: Reading = READING) -> None:
    """Lists contexts; the one in use is marked."""
    known = read_contexts()
    rows = [
        {"name": name, "current": "*" if name == known.current else "", "where": _where(each), "key": "yes" if each.key else ""}
        for name, each in known.contexts.items()
    ]
    show_list(options.output, rows, ["current", "name", "where", "key"], nothing=f"no context in {contexts_file()}: local.json says all")


@context.command(name="use")
async def use_context(name: ContextName = "", *, none: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Makes a context the one that commands are for, where neither --context nor TRUNKLINE_CONTEXT names another.

    Parameters
    ----------
    name: The context.
    none: None of them: local.json says all again.
    """
    if bool(name) == none:
        raise CommandError("say which context", remedy="name one of `trunkline context list`, or give --none", code=Exit.USAGE)
    known = read_contexts()
    if name:
        _existing(known, name)
    write_contexts(replace(known, current=name))
    console.print(f"commands are for {name or 'the platform of local.json'}", markup=False)


@context.command(name="add")
async def add_context(
    name: str,
    *,
    state: Path | None = None,
    provisioning: str = "",
    routing: str = "",
    records: str = "",
    auth: str = "",
    dns: str = "",
    edge: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    tls: Path | None = None,
    key: Annotated[bool, Parameter(negative="")] = False,
    base_domain: str = "",
) -> None:
    """Adds a context, or replaces the one of that name; the first one added is in use at once.

    Parameters
    ----------
    name: For --context and `trunkline context use`.
    state: Folder of a platform of this machine (`trunkline up --state`); then nothing else is needed.
    provisioning: gRPC HOST:PORT.
    routing: gRPC HOST:PORT.
    records: gRPC HOST:PORT.
    auth: gRPC HOST:PORT.
    dns: gRPC HOST:PORT.
    edge: NAME=HOST:PORT, such as edge-eu1=192.0.2.1:7000. May be given again.
    tls: Folder with ca.crt, client.crt and client.key.
    key: Keep the API key of TRUNKLINE_API_KEY with it; else that variable is read each time.
    base_domain: Such as sip.example.com.
    """
    given = dict(zip(SERVICES, (provisioning, routing, records, auth, dns), strict=True))
    services = {service: address for service, address in given.items() if address}
    services.update(_edges(edge))
    if bool(state) == bool(services):
        remedy = "give --state FOLDER, or --provisioning HOST:PORT and the others"
        raise CommandError("say where the platform is", remedy=remedy, code=Exit.USAGE)
    kept = os.environ.get(KEY_VARIABLE, "") if key else ""
    if key and not kept:
        raise CommandError(
            "there is no key to keep", why=f"{KEY_VARIABLE} is not set", remedy="set it, or leave out --key", code=Exit.USAGE
        )
    made = Context(str(state.absolute()) if state else "", services, str(tls.absolute()) if tls else "", kept, base_domain)
    known = read_contexts()
    write_contexts(Contexts(known.current or name, {**known.contexts, name: made}))
    console.print(f"added the context {name}: {_where(made)}", markup=False)


@context.command(name="remove")
async def remove_context(name: ContextName) -> None:
    """Removes a context and its key from the file.

    Parameters
    ----------
    name: The context.
    """
    known = read_contexts()
    _existing(known, name)
    left = {other: each for other, each in known.contexts.items() if other != name}
    write_contexts(Contexts("" if known.current == name else known.current, left))
    console.print(f"removed the context {name}", markup=False)


def _edges(words: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, _, address = word.partition("=")
        if not name or ":" not in address:
            raise CommandError(f"--edge {word!r} is no edge", remedy="write it as edge-eu1=HOST:PORT", code=Exit.USAGE)
        found[name] = address
    return found


def _existing(known: Contexts, name: str) -> None:
    if name not in known.contexts:
        remedy = f"choose one of: {', '.join(known.contexts) or 'none yet'}"
        raise CommandError(f"there is no context {name!r}", remedy=remedy, code=Exit.NOT_FOUND)


def _where(each: Context) -> str:
    return each.state or ", ".join(f"{service} {address}" for service, address in each.services.items())
