"""Checks that every test that docs/conformance.md and docs/hardening.md name exists: `path::name`, in libs/engine/crates for Rust, in the
root for Python."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = tuple(ROOT / "docs" / name for name in ("conformance.md", "hardening.md"))
CRATES = ROOT / "libs/engine/crates"
NAMED = re.compile(r"`([\w./-]+\.(?:rs|py))::(\w+)`")


def missing(text: str) -> list[str]:
    """The tests that are named and not there, in the order of the document."""
    found = []
    for path, name in NAMED.findall(text):
        file = (CRATES if path.endswith(".rs") else ROOT) / path
        definition = rf"#\[test\]\s+fn {name}\(" if path.endswith(".rs") else rf"^(?:async )?def {name}\("
        if not file.is_file() or not re.search(definition, file.read_text(), re.MULTILINE):
            found.append(f"{path}::{name}")
    return found


def main() -> int:
    problems = []
    for document in DOCUMENTS:
        name, text = document.relative_to(ROOT), document.read_text()
        problems += [f"{name} names a test that is not there: {test}" for test in missing(text)]
        if not NAMED.search(text):
            problems.append(f"{name} names no test")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
