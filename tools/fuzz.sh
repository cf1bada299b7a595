#!/usr/bin/env bash
# fuzz.sh [--merge] [TARGET…]: fuzzes the targets of libs/engine/crates/fuzz under libFuzzer, guided by coverage, on one core, with a stable
# compiler: coverage is asked of LLVM by flags, and no sanitizer is needed where nothing is unsafe. FUZZ_SECONDS is for all targets (600).
# What fails is written to libs/engine/target/fuzz/failures/TARGET: put it into the corpus with the repair. New inputs that reach further are
# in libs/engine/target/fuzz/found/TARGET; --merge adds to the corpus the few of them that reach code which it does not.
set -euo pipefail
engine=$(cd "$(dirname "$0")/../libs/engine" && pwd)
seconds=${FUZZ_SECONDS:-600}
targets=(core framing parser token)
merging=
if [ "${1:-}" = --merge ]; then merging=yes; shift; fi
if [ $# -gt 0 ]; then targets=("$@"); fi
host=$(rustc -vV | sed -n 's/^host: //p')
out=$engine/target/fuzz

RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
  cargo --config net.retry=5 build --quiet --release --manifest-path "$engine/fuzz/Cargo.toml" --target "$host" --target-dir "$out"

seeds() { # the folders in which a target begins
  echo "$engine/crates/fuzz/corpus/$1"
  if [ "$1" = parser ]; then echo "$engine/crates/message/tests/rfc4475" "$engine/crates/message/tests/rfc5118"; fi
}

status=0
for target in "${targets[@]}"; do
  mkdir -p "$out/found/$target" "$out/failures/$target"
  program=$out/$host/release/$target
  if [ -n "$merging" ]; then
    "$program" -merge=1 -use_counters=0 -max_len=700 "$engine/crates/fuzz/corpus/$target" "$out/found/$target" 2>/dev/null
    continue
  fi
  echo "== $target, $((seconds / ${#targets[@]})) s"
  # The token's inputs are short; a message is as long as it may be.
  case $target in core) max=512 ;; token) max=256 ;; *) max=8192 ;; esac
  # shellcheck disable=SC2046  # several folders
  nice "$program" -max_total_time=$((seconds / ${#targets[@]})) -max_len=$max -len_control=20 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$out/failures/$target/" "$out/found/$target" $(seeds "$target") >"$out/$target.log" 2>&1 \
    || { status=1; tail -40 "$out/$target.log"; }
  grep -E 'DONE|number_of_executed_units|new_units_added|cov:' "$out/$target.log" | tail -4
done
exit $status
