"""A process's settings: one TOML file a process, checked whole before anything starts.

Each service derives a model from `ServiceSettings`, what does not follow the log from `ProcessSettings`. A key that no field has is an
error: a misspelt limit must not silently be the default.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from trunkline.runtime.tls import TlsSettings

SETTINGS_LIMIT_BYTES = 1 << 20
"""A settings file is a page or two; more is the wrong file."""


class SettingsError(Exception):
    """What is wrong with a settings file: one line for each place, every one naming file, key and why."""


def _listen_address(value: str) -> str:
    host, separator, port = value.rpartition(":")
    if not separator or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{value!r} is not ADDRESS:PORT, such as 127.0.0.1:7000 or [::1]:7000")
    return value


def _sha256_hex(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError("is not the SHA-256 of a key: 64 lower-case hexadecimal digits")
    return value


def _token(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", value):
        raise ValueError(f"{value!r} is not a name: 1 to 32 of 0-9 a-z and '-', beginning with a letter")
    return value


ListenAddress = Annotated[str, AfterValidator(_listen_address)]
"""`127.0.0.1:7000` or `[::1]:7000`; port 0 takes a free one."""

KeyHash = Annotated[str, AfterValidator(_sha256_hex)]
"""SHA-256 of an API key, in lower-case hexadecimal."""

Name = Annotated[str, AfterValidator(_token)]
"""1 to 32 of 0-9 a-z and "-", beginning with a letter."""


class Settings(BaseModel):
    """Base of every settings model, nested tables included: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class EdgeAddress(Settings):
    """An edge and the point of presence that it is of."""

    pop: Name
    edge: Name
    grpc_address: ListenAddress


class ProcessSettings(Settings):
    """What every process of ours is told.

    `state_dir` is its own data folder. `tls` is who it is. With `traces_file` spans are written there, one line of JSON each.
    """

    name: Name
    region: Name
    state_dir: Path
    grpc_listen: ListenAddress
    tls: TlsSettings
    traces_file: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class ServiceSettings(ProcessSettings):
    """What every service is told that follows the log.

    `realm` is the platform's base domain. `home` is the region whose JetStream domain holds CONFIG.
    """

    home: Name
    realm: str = Field(min_length=1, max_length=200)
    nats_url: str = Field(pattern=r"^(nats|tls)://")
    operator_key_hash: KeyHash


S = TypeVar("S", bound=BaseModel)


def load_settings(model: type[S], path: Path) -> S:
    """Reads and checks a TOML file; paths in it may be relative to the working directory.

    SettingsError lists every fault at once: the file, the dotted key, why, and the nearest known key for one that is not known.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(raw) > SETTINGS_LIMIT_BYTES:
        raise SettingsError(f"{path}: {len(raw)} bytes; a settings file has at most {SETTINGS_LIMIT_BYTES}")
    try:
        values = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: byte {error.start} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from error
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [
            _fault(model, fault["loc"], fault["type"], fault["msg"]) for fault in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(f"{path}: {fault}" for fault in faults)) from None


def _fault(model: type[BaseModel], place: Sequence[int | str], kind: str, message: str) -> str:
    key = ".".join(str(part) for part in place) or "(whole file)"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _keys_beside(model, place)
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(sorted(known))}"
        return f"{key}: is not a setting; {hint}"
    if kind == "missing":
        return f"{key}: is missing"
    return f"{key}: {message.removeprefix('Value error, ')}"


def _keys_beside(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The settings that stand beside a place; the model's own where the way down leads through something that is no model."""
    current: type[BaseModel] = model
    for part in place[:-1]:
        field = current.model_fields.get(part) if isinstance(part, str) else None
        if field is None:
            continue  # the key of a table or the index of a list
        nested = [kind for kind in _inner_types(field.annotation) if isinstance(kind, type)]
        for kind in nested:
            if issubclass(kind, BaseModel):
                current = kind
                break
            if is_dataclass(kind):
                return [each.name for each in fields(kind)]
    return list(current.model_fields)


def _inner_types(annotation: object) -> list[object]:
    inner = getattr(annotation, "__args__", ())
    return [annotation, *(kind for part in inner for kind in _inner_types(part))]
