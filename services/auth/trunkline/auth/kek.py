"""The key encryption key: one file that wraps every other key on disk. Whoever has it and the key store has everything."""

from __future__ import annotations

import os
import stat
from pathlib import Path

KEK_BYTES = 32


class KekError(Exception):
    """The file is not what it should be; the text says what to do. Nothing is overwritten."""


def load_or_create_kek(path: Path) -> bytes:
    """32 bytes, kept as one line of hexadecimal in a file that only its owner can read. Made where it is missing. Raises KekError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return _create(path)
    except OSError as error:
        raise KekError(f"{path}: cannot be opened: {error.strerror}. It must be a regular file of this user.") from error
    with os.fdopen(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        text = file.read(4 * KEK_BYTES)
    if mode & 0o077:
        raise KekError(f"{path}: mode is {mode:04o}; others could read the key. Say `chmod 600 {path}` and consider it known if they did.")
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEK_BYTES:
        raise KekError(
            f"{path}: does not hold {2 * KEK_BYTES} hexadecimal digits. Restore it from a backup: without it no secret can be read."
        )
    return key


def _create(path: Path) -> bytes:
    key = os.urandom(KEK_BYTES)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # link, not rename: where two processes make it at once the second must not replace the first one's
        os.link(draft, path)
    except FileExistsError:
        return load_or_create_kek(path)
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return key
