"""Generates the tables of docs/ that have their source in code. With --check: says whether what is committed is current."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cli_reference
import machines

from trunkline.domain.reasons import REGISTRY
from trunkline.rest.openapi import document

DOCS = Path(__file__).parent.parent / "docs"


def reasons() -> str:
    rows = [
        "# Refusals",
        "",
        "Generated from `libs/domain/trunkline/domain/reasons.py` by `make docs`. On the wire: `SIP/2.0 403 Source Not In ACL T203` and",
        '`Reason: Q.850;cause=21;text="T203 Source Not In ACL"`. What was seen goes to the owner: `trunkline call show`.',
        "",
        "| code | status | Q.850 | text | whose turn | what to do |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    rows += [f"| {r.code} | {r.status} | {r.q850} | {r.text} | {r.fault.value} | {r.what_to_do} |" for r in REGISTRY]
    return "\n".join(rows) + "\n"


def state_machines() -> str:
    core, timers = machines.read_machines()
    return machines.render([*core, machines.gateway_machine()], timers)


def openapi() -> str:
    return json.dumps(document(), indent=1) + "\n"


GENERATED = {"cli.md": cli_reference.cli_reference, "reasons.md": reasons, "state-machines.md": state_machines, "openapi.json": openapi}


def main() -> int:
    stale = []
    for name, generate in GENERATED.items():
        path = DOCS / name
        if "--check" not in sys.argv:
            path.write_text(generate())
        elif not path.exists() or path.read_text() != generate():
            stale.append(name)
    if stale:
        print(f"not current: {', '.join(stale)}: run 'make docs' and commit the result", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
