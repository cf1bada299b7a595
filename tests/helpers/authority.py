"""One certificate authority for a whole run of tests, and certificates of any kind."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from trunkline.lab.supervisor.authority import Authority
from trunkline.runtime.tls import TlsSettings


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="trunkline-authority-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _authority() -> Authority:
    return Authority.open(_folder())


@cache
def tls_of(kind: str, process: str = "") -> TlsSettings:
    """`process` is named after its kind where nothing else is said."""
    files = _authority().issue(kind, process or kind, _folder())
    return TlsSettings(ca_file=files.ca_file, cert_file=files.cert_file, key_file=files.key_file)


def table_of(tls: TlsSettings) -> dict[str, str]:
    """As settings files have it."""
    return {"ca_file": str(tls.ca_file), "cert_file": str(tls.cert_file), "key_file": str(tls.key_file)}
