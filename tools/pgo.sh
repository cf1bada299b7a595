#!/usr/bin/env bash
# pgo.sh: builds the engine again, for what it is used for (profile-guided optimization). Three steps: a build that counts, calls through a
# platform with it (tests/bench/training.py), and a build that knows from them what is hot. Needs llvm-profdata as old as the compiler: the
# component llvm-tools of rustup. The next change of a source undoes it: `make venv` builds the engine as usual then.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
profdata=$(dirname "$(rustc --print target-libdir)")/bin/llvm-profdata
if [ ! -x "$profdata" ]; then
  echo "pgo: $profdata is not there, which reads what the compiler's counters wrote: rustup component add llvm-tools" >&2
  exit 1
fi
target=$root/libs/engine/target
counted=$target/pgo
rm -rf "$counted"
mkdir -p "$counted"

build() { # RUSTFLAGS, a folder of its own: cargo would build everything anew each time
  (cd "$root/libs/engine" && RUSTFLAGS="$1" CARGO_TARGET_DIR="$target/$2" VIRTUAL_ENV="$root/.venv" PATH="$root/.venv/bin:$PATH" \
    maturin develop --release --skip-install --quiet)
}

echo "building the engine with counters"
build "-Cprofile-generate=$counted" pgo-counting
# Whatever happens, no engine with counters is left behind.
trap 'rm -f "$root/.venv/.made/engine"' EXIT
echo "calls through it"
LLVM_PROFILE_FILE="$counted/%p.profraw" "$root/.venv/bin/python" "$root/tests/bench/training.py"
"$profdata" merge -o "$counted/merged.profdata" "$counted"/*.profraw
echo "building the engine for them"
build "-Cprofile-use=$counted/merged.profdata" pgo-built
trap - EXIT
"$root/.venv/bin/python" -c 'import trunkline.engine'
touch "$root/.venv/.made/engine"
