#!/usr/bin/env bash
# Generates libs/api from protos/. With --check: says whether what is committed is current.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
PATH="$PWD/.venv/bin:$PATH" $python -m grpc_tools.protoc -Iprotos \
  --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" --mypy_grpc_out="$out" \
  $(find protos -name '*.proto' | sort)
find "$out" -name '*_pb2_grpc.py' -size -1500c -delete  # protos without a service
for stub in $(find "$out" -name '*_pb2_grpc.pyi'); do [ -e "${stub%i}" ] || rm "$stub"; done
if [ "${1:-}" = --check ]; then
  diff -r -x py.typed -x __pycache__ "$out/trunkline/api" libs/api/trunkline/api >/dev/null || {
    echo "libs/api is not what protos/ generates: run 'make protos' and commit the result" >&2; exit 1; }
else
  find libs/api/trunkline/api -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
  cp -r "$out/trunkline/api/." libs/api/trunkline/api/
fi
