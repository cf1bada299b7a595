"""Checks that the crates of the engine depend on one another in one direction only (docs/architecture.md), and that the pure ones are pure.

Pure: no sockets, clocks, threads or random numbers among the dependencies, and `unsafe` forbidden in the crate's root.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

CRATES = Path(__file__).parent.parent / "libs/engine/crates"
MAY_USE: dict[str, frozenset[str]] = {
    "message": frozenset(),
    "transaction": frozenset({"message"}),
    "access": frozenset({"message"}),
    "edge": frozenset({"message", "transaction", "access"}),
    "python": frozenset({"message", "transaction", "access", "edge"}),
    "fuzz": frozenset({"message", "transaction", "edge"}),
}
PURE = frozenset({"message", "transaction", "access"})
IMPURE_DEPENDENCIES = frozenset({"tokio", "mio", "socket2", "nix", "rustix", "libc", "rand", "getrandom", "pyo3"})


def problems_of(crate: str) -> list[str]:
    manifest = CRATES / crate / "Cargo.toml"
    dependencies = set(tomllib.loads(manifest.read_text()).get("dependencies", {}))
    ours = {name.removeprefix("trunkline-") for name in dependencies if name.startswith("trunkline-")}
    found = [f"{manifest}: may not depend on trunkline-{name}" for name in sorted(ours - MAY_USE[crate])]
    if crate in PURE:
        found += [f"{manifest}: a pure crate may not depend on {name}" for name in sorted(dependencies & IMPURE_DEPENDENCIES)]
        root = CRATES / crate / "src/lib.rs"
        if "#![forbid(unsafe_code)]" not in root.read_text():
            found.append(f"{root}: a pure crate begins with #![forbid(unsafe_code)]")
    return found


def main() -> int:
    crates = sorted(path.parent.name for path in CRATES.glob("*/Cargo.toml"))
    found = [f"{CRATES}/{name}: unknown crate; say in tools/crate_order.py what it may use" for name in crates if name not in MAY_USE]
    for crate in crates:
        if crate in MAY_USE:
            found += problems_of(crate)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
