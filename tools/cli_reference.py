"""docs/cli.md out of the commands themselves: their words, their options and what they say of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from cyclopts import App, Parameter

from trunkline.cli.__main__ import app
from trunkline.cli.exits import Exit
from trunkline.cli.options import Listing, Reading, Writing

HEAD = """# The command `trunkline`

Generated from `services/cli` by `make docs`.

## Habits

- `-o table|wide|json|yaml|name` says how an answer is shown: `wide` has every column and each row on one line, `json` and `yaml` all that
  the service said, `name` names alone for other commands. Answers go to standard output, all else to standard error; there is no colour
  where that is no terminal or `NO_COLOR` is set.
- `-w`, `--watch` shows a list again whenever it has changed.
- `--wait` waits until a change is enforced and says where how long that took; `--request-id` makes a command safe to repeat;
  `--expect-version` refuses where somebody else was faster.
- There is a command for everything that the services let people ask, but for `Authorize` (`explain` asks it), `GetStatus` of edges (`pop
  list` and `region show` do) and `GetTotals` of records; `apply` makes of a file what takes several.
- `source <(trunkline completion bash)` (zsh, fish) completes commands, options and names, which are asked of the service.
- `--context NAME` (or `TRUNKLINE_CONTEXT`, or `trunkline context use`) says which platform is meant; without one that of
  `.trunkline/local.json`, or of the folder in `TRUNKLINE_STATE`. `TRUNKLINE_API_KEY` goes before every key that is kept.

## Exit codes

| code | means |
| --- | --- |
"""

EXITS = {
    Exit.OK: "done; for `doctor`: nothing fails",
    Exit.ERROR: "refused by the service for what was given, or failed; for `doctor`: something fails",
    Exit.USAGE: "the command line, or a file that it names, is wrong; nothing was asked",
    Exit.NOT_FOUND: "what is named does not exist",
    Exit.CONFLICT: "it stands in the way of what is there, or somebody else was faster",
    Exit.DENIED: "the key may not do that, or there is none; of a test call: refused",
    Exit.UNAVAILABLE: "a service or a point of presence does not answer, or did not follow in time",
    Exit.DIFFERS: "`diff`: something is not as the file says",
    Exit.INTERRUPTED: "Ctrl-C ended it, as it ends what is watched; not `up` and `call place`, where it ends the platform and hangs up",
}

FILE = """
## A tenant as a file

`trunkline export > acme.yaml` writes it, `trunkline diff -f acme.yaml` says what would change, `trunkline apply -f acme.yaml` changes it.
What the file does not name is left alone, unless `--prune` is given; a setting that it does not name stays as it is. A name that is not
known is refused with its line, before anything is done.

`trunkline diff -f acme.yaml --since 24h` says too how many of the last day's calls would be decided otherwise. `trunkline export --at
18231` writes what the tenant was at a position of the log, and `trunkline undo --to 18231` makes it so again, after asking: passwords,
API keys and the webhook are no part of it.

```yaml
tenant: acme                       # may be left out: the key's
acls:
  OFFICE:
    addresses:
      - {cidr: 192.0.2.0/24, caller_id: "+31201234567", description: head office}
      - {cidr: 10.0.0.0/8, ban_exempt: true}   # heard even where addresses in it are banned: operators say so, of ranges wider than /16
    accounts:
      - username: 31000000         # no password: one is made up and shown once
      - username: 31000001
        password_from: PBX_SECRET  # a variable that holds it; asked for when the account is made
domains:
  acme:
    acls: [OFFICE]
    digest: {algorithms: [SHA-256, MD5], challenge_status: 407, qop_optional: false}
    class_of_service: {countries: [NL, BE], prefixes: ["4420"], premium: false, max_duration_s: 3600, max_price: 0.50, currency: EUR}
    limits: {calls: 30, calls_per_second: 5}
    identity: {sources: [asked, account], allowed_caller_ids: ["+3120*"], default_caller_id: "", refusing: false, hiding: default}
    nearest_pop: eu1
class_of_service: {}               # over all domains: operators, with --as-operator
limits: {calls: 100}
```
"""

COMMON = {"options", "self"}


def cli_reference() -> str:
    lines = [HEAD.rstrip("\n")]
    lines += [f"| {code.value} | {EXITS[code]} |" for code in Exit]
    lines.append(FILE.rstrip("\n"))
    lines.append("\n## Commands")
    for words, command in _commands(app, ()):
        lines += _command(words, command)
    return "\n".join(lines) + "\n"


def _commands(group: App, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], App]]:
    """Each that can be given, by its words. Options such as --help are none."""
    for name in sorted(name for name in group if not name.startswith("-")):
        command = group[name]
        if name != command.name[0] and name in command.name:
            # An alias of the one before it.
            continue
        if command.default_command is not None:
            yield (*words, name), command
        else:
            yield from _commands(command, (*words, name))


def _command(words: tuple[str, ...], command: App) -> list[str]:
    function = command.default_command
    assert function is not None
    said, told = _docstring(function.__doc__ or "")
    lines = ["", f"### trunkline {' '.join(words)}", "", said]
    hints = get_type_hints(function)
    rows: list[tuple[str, str]] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in COMMON:
            continue
        rows += _options_of(hints[parameter.name]) or [(_name(parameter), told.get(parameter.name, ""))]
    if rows:
        lines += ["", "| argument | |", "| --- | --- |"]
        lines += [f"| `{name}` | {said} |".replace("|  |", "| |") for name, said in rows]
    options = inspect.signature(function).parameters.get("options")
    kinds = {Writing: "what all that write take", Listing: "`-o`, `--watch`", Reading: "`-o`"}
    if options is not None:
        lines += ["", f"Takes {kinds[type(options.default)]}, `--tenant`, `--as-operator`."]
    return lines


def _name(parameter: inspect.Parameter) -> str:
    words = parameter.name.rstrip("_").replace("_", "-")
    explicit = re.search(r"name=\[?['\"](--[a-z-]+)['\"]", str(parameter.annotation))
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return explicit[1] if explicit else f"--{words}"
    many = "…" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else ""
    return words.upper() + many


def _options_of(kind: Any) -> list[tuple[str, str]]:
    """Of several options that commands share as one value, each with its own help; empty for any other kind."""
    if not is_dataclass(kind):
        return []
    hints = get_type_hints(kind, include_extras=True)
    return [(f"--{each.name.replace('_', '-')}", _help_of(hints[each.name])) for each in fields(kind)]


def _help_of(hint: Any) -> str:
    return next((each.help or "" for each in getattr(hint, "__metadata__", ()) if isinstance(each, Parameter) and each.help), "")


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    """What it says in one paragraph, and of each parameter."""
    said, _, listed = inspect.cleandoc(text).partition("\nParameters\n----------\n")
    told: dict[str, str] = {}
    name = ""
    for line in listed.splitlines():
        found = re.match(r"(\w+): (.*)", line)
        if found is not None and not line.startswith(" "):
            name = found[1]
            told[name] = found[2]
        elif name and line.strip():
            told[name] += " " + line.strip()
    return " ".join(said.split()), {key: value.replace("|", "\\|") for key, value in told.items()}
