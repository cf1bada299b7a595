"""What a call costs the engine's core, counted and not timed: instructions and allocations, by callgrind over `examples/calls`.

Counted is what further calls cost when the core's tables have grown to what the load needs: the difference of two runs, one longer by them.
The counts depend on the code and on the compiler, not on the machine's load, so CI compares them with `baseline.json`. After a change that
is meant to cost something, or with another compiler: `python tests/bench/cost.py --write`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "libs/engine/Cargo.toml"
BASELINE = Path(__file__).parent / "baseline.json"

CALLS = 500
BEFORE = 2_100
"""After these nothing grows any more for a while: what is kept of a call (32 s and more) is forgotten again for the oldest."""
PER_S = 25
BUDGET = 0.03
"""A change may cost so much more without being asked about; several small ones are seen when the baseline is written again."""

WITHIN = "*edge::Edge*"
"""Only what runs inside of it is counted: the peers of the example cost nothing."""

ALLOCATORS = ("malloc", "calloc", "realloc")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one call: INVITE, 100, 180, 200, ACK, BYE, 200, and every timer to its end."""

    compiler: str
    instructions: float
    allocations: float


def compiler() -> str:
    done = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def measure() -> Cost:
    """Builds the example and runs it under callgrind. Raises CalledProcessError, with what the tool said, and FileNotFoundError without
    valgrind."""
    build = ["cargo", "build", "--quiet", "--release", "--manifest-path", str(ENGINE), "-p", "trunkline-transaction", "--example", "calls"]
    subprocess.run(build, check=True)
    target = subprocess.run(
        ["cargo", "metadata", "--manifest-path", str(ENGINE), "--format-version", "1", "--no-deps"],
        capture_output=True,
        text=True,
        check=True,
    )
    example = Path(json.loads(target.stdout)["target_directory"]) / "release/examples/calls"
    before, after = (_counted(example, calls) for calls in (BEFORE, BEFORE + CALLS))
    instructions, allocations = (late - early for early, late in zip(before, after, strict=True))
    return Cost(compiler(), instructions / CALLS, allocations / CALLS)


def _counted(example: Path, calls: int) -> tuple[int, int]:
    """Instructions and allocations of so many calls, from empty tables to empty tables."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        options = ["--collect-atstart=no", f"--toggle-collect={WITHIN}", f"--callgrind-out-file={out}"]
        words = ["valgrind", "--tool=callgrind", "-q", *options, str(example), str(calls), str(PER_S)]
        subprocess.run(words, check=True, capture_output=True)
        profile = out.read_text()
    total = re.search(r"^(?:summary|totals): (\d+)", profile, re.MULTILINE)
    assert total is not None, "callgrind wrote no total"
    return int(total[1]), _allocations(profile)


def rows(_: object) -> list[dict[str, object]]:
    """What it is and what the baseline says."""
    return [{"of": of, **asdict(found)} for of, found in (("now", measure()), ("baseline", baseline()))]


def _allocations(profile: str) -> int:
    """Calls of the allocator in callgrind's format: `cfn=(id) name` or, when the name was given before, `cfn=(id)`, then `calls=N …`."""
    names: dict[str, str] = {}
    called, count = "", 0
    for line in profile.splitlines():
        named = re.match(r"c?fn=\((\d+)\)(?: (.*))?$", line)
        if named:
            name = names.setdefault(named[1], named[2] or "")
            if line.startswith("cfn="):
                called = name
        elif line.startswith("calls=") and called in ALLOCATORS:
            count += int(line[6:].split()[0])
    return count


def baseline() -> Cost:
    return Cost(**json.loads(BASELINE.read_text()))


def main() -> int:
    cost = measure()
    print(f"a call in the engine's core: {cost.instructions:,.0f} instructions, {cost.allocations:.1f} allocations ({cost.compiler})")
    if "--write" in sys.argv[1:]:
        BASELINE.write_text(json.dumps(asdict(cost), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
