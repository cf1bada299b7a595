"""The keys on the edge's disk: auth's last answer, sealed under a key of this node, with the time when the tenants' keys must be forgotten.

The node key (`node.key`, mode 0600, made at the first start) never leaves the folder. Sealing keeps the keys out of copies of the cache
alone, and binds it to this edge; who reads both files has them. A cache that does not open is no error: the edge asks auth.

File: magic `TKC1` ‖ expiry, Unix seconds, 8 bytes big-endian ‖ nonce (12) ‖ AES-256-GCM of the message FetchKeysResponse. Everything before
the ciphertext and the edge's name are authenticated with it, so that the expiry cannot be moved.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError

from trunkline.api.auth.v1 import auth_pb2

NODE_KEY_FILE = "node.key"
CACHE_FILE = "keys.sealed"
MAX_CACHE_BYTES = 64 << 20
"""About 600,000 tenants' keys; more is no cache of ours."""

_MAGIC = b"TKC1"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_HEADER_BYTES = len(_MAGIC) + 8 + _NONCE_BYTES


class UnusableCache(Exception):
    """The cache is missing, damaged or another edge's; the text says which."""


class UnusableNodeKey(Exception):
    """The node key's file is not what we made; the text says what to do. Not repaired silently: somebody changed it."""


@dataclass(frozen=True, slots=True)
class CachedKeys:
    """`expires_s` (Unix time) may be over: the tenants' keys are then not to be used."""

    response: auth_pb2.FetchKeysResponse
    expires_s: int


class KeyCache:
    """`edge` is the edge's name. Files are made in `folder`, which exists."""

    def __init__(self, folder: Path, edge: str) -> None:
        self._cache = folder / CACHE_FILE
        self._edge = edge
        self._node_key = _node_key(folder / NODE_KEY_FILE)

    def load(self) -> CachedKeys:
        """Raises UnusableCache."""
        try:
            with self._cache.open("rb") as file:
                content = file.read(MAX_CACHE_BYTES + 1)
        except FileNotFoundError as error:
            raise UnusableCache(f"{self._cache}: there is none yet") from error
        except OSError as error:
            raise UnusableCache(f"{self._cache}: cannot be read: {error.strerror or error}") from error
        header, sealed = content[:_HEADER_BYTES], content[_HEADER_BYTES:]
        if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC) or len(content) > MAX_CACHE_BYTES:
            raise UnusableCache(f"{self._cache}: is no key cache of this version")
        expires_s = int.from_bytes(header[len(_MAGIC) : len(_MAGIC) + 8], "big")
        try:
            plain = AESGCM(self._node_key).decrypt(header[-_NONCE_BYTES:], sealed, header + self._edge.encode())
            response = auth_pb2.FetchKeysResponse.FromString(plain)
        except (InvalidTag, DecodeError) as error:
            raise UnusableCache(f"{self._cache}: does not open: damaged, or of another edge or node") from error
        return CachedKeys(response, expires_s)

    def store(self, response: auth_pb2.FetchKeysResponse, expires_s: int) -> None:
        """Replaces the cache in one step. OSError where the disk does not take it."""
        header = _MAGIC + expires_s.to_bytes(8, "big") + secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._node_key).encrypt(header[-_NONCE_BYTES:], response.SerializeToString(), header + self._edge.encode())
        _write_whole(self._cache, header + sealed)

    def delete(self) -> None:
        """What cannot be replaced and must not stay."""
        self._cache.unlink(missing_ok=True)


def _node_key(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(_KEY_BYTES)
        _write_whole(path, key)
    if len(key) != _KEY_BYTES:
        raise UnusableNodeKey(
            f"{path}: {len(key)} bytes where {_KEY_BYTES} are wanted: delete it together with {CACHE_FILE}, auth gives the keys anew"
        )
    return key


def _write_whole(path: Path, content: bytes) -> None:
    """A crash leaves the old file or the new one. Mode 0600 from the beginning."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
