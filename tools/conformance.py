"""Checks that every test that docs/conformance.md names exists: `path::name`, in libs/engine/crates for Rust, in the root for Python."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs/conformance.md"
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
    text = DOCUMENT.read_text()
    found = missing(text)
    for test in found:
        print(f"docs/conformance.md names a test that is not there: {test}", file=sys.stderr)
    if not NAMED.search(text):
        print("docs/conformance.md names no test", file=sys.stderr)
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
