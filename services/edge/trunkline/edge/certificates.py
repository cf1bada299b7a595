"""The edge's certificates: read from files, given to the engine, read again when the files change. Calls and connections are not touched.

A file that cannot be used is told of once and changes nothing: what was read before stays. Files of one pair need not change at the same
moment, so a certificate whose key is not there yet is bad until it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from trunkline.edge.settings import CarrierTlsSettings, CertificateSettings
from trunkline.runtime.logs import logger

MAX_FILE_BYTES = 1 << 20
"""A bundle of public authorities has a quarter of it; more is the wrong file."""

Signature = tuple[tuple[int, int, int] | None, ...]
"""What tells that a file is another one; None where there is none."""


class TlsEngine(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def set_certificates(self, certificates: list[tuple[list[str], bytes, bytes]]) -> None: ...
    def set_carrier_tls(self, roots: bytes, chain: bytes = b"", key: bytes = b"") -> None: ...


class UnusableFile(Exception):
    """The text names the file and says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate as the engine takes it. `names` are those that it is shown for, wildcards among them."""

    names: tuple[str, ...]
    chain: bytes
    key: bytes
    expires: datetime


class CertificateKeeper:
    """`attach` gives everything to the engine; `run` looks after the files from then on."""

    def __init__(self, certificates: tuple[CertificateSettings, ...], carriers: CarrierTlsSettings | None, *, check_s: float) -> None:
        self._certificates = certificates
        self._carriers = carriers
        self._check_s = check_s
        self._shown: dict[CertificateSettings, Shown] = {}
        """The last good one of each."""
        self._seen: dict[CertificateSettings | CarrierTlsSettings, Signature] = {}
        self._engine: TlsEngine | None = None
        self._log = logger("certificates")

    def attach(self, engine: TlsEngine) -> None:
        self._engine = engine
        self.look()

    async def run(self) -> None:
        """For ever."""
        while self._certificates or self._carriers is not None:
            await asyncio.sleep(self._check_s)
            if self._engine is not None:
                await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Reads what changed and hands it over."""
        read: dict[CertificateSettings, Shown] = {}
        for each in self._certificates:
            if self._has_changed(each, (each.cert_file, each.key_file)):
                with self._telling():
                    read[each] = read_certificate(each)
        self._take(read)
        carriers = self._carriers
        if carriers is not None and self._has_changed(carriers, (carriers.roots_file, carriers.cert_file, carriers.key_file)):
            with self._telling():
                self._give_carriers(carriers)

    def _take(self, read: dict[CertificateSettings, Shown]) -> None:
        """All at once, and one by one where the engine refuses some: nobody waits for another's mistake."""
        if not read:
            return
        try:
            self._give(read)
        except ValueError:
            for each, shown in read.items():
                with self._telling(file=str(each.cert_file)):
                    self._give({each: shown})

    def _give(self, read: dict[CertificateSettings, Shown]) -> None:
        """ValueError is the engine's: it says what it cannot use."""
        assert self._engine is not None, "there is nobody to give certificates to"
        wanted = self._shown | read
        self._engine.set_certificates(
            [(list(wanted[each].names), wanted[each].chain, wanted[each].key) for each in self._certificates if each in wanted]
        )
        self._shown = wanted
        for settings, shown in read.items():
            told = self._log.warning if shown.expires < datetime.now(UTC) else self._log.info
            told("certificate taken", file=str(settings.cert_file), names=list(shown.names), expires=shown.expires.isoformat())

    @contextmanager
    def _telling(self, **where: str) -> Iterator[None]:
        try:
            yield
        except (UnusableFile, ValueError) as error:
            self._log.error("what was there before stays in use", why=str(error), **where)

    def _has_changed(self, what: CertificateSettings | CarrierTlsSettings, files: tuple[Path | None, ...]) -> bool:
        signature = tuple(_signature(file) for file in files if file is not None)
        is_new = self._seen.get(what) != signature
        self._seen[what] = signature
        return is_new

    def _give_carriers(self, settings: CarrierTlsSettings) -> None:
        assert self._engine is not None
        chain, key = (read_file(file) if file is not None else b"" for file in (settings.cert_file, settings.key_file))
        self._engine.set_carrier_tls(read_file(settings.roots_file), chain, key)
        self._log.info("carriers are met over TLS", roots=str(settings.roots_file), shows_certificate=bool(chain))


def read_certificate(settings: CertificateSettings) -> Shown:
    """Checks that chain and key are a pair. Raises UnusableFile."""
    # Loading these takes 30 ms, which an edge without TLS need not wait for.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    chain, key = read_file(settings.cert_file), read_file(settings.key_file)
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
        private = serialization.load_pem_private_key(key, password=None)
        is_pair = private.public_key() == leaf.public_key()
        shown = Shown(names_of(leaf), chain, key, leaf.not_valid_after_utc)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise UnusableFile(f"{settings.cert_file} and {settings.key_file} cannot be read: {error}") from error
    if not is_pair:
        raise UnusableFile(f"{settings.key_file} is not the key of {settings.cert_file}")
    return shown


def names_of(certificate: object) -> tuple[str, ...]:
    """Hosts of SIP URIs, then DNS names (RFC 5922 §7.1), in lower case, none twice."""
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    uris = [uri.partition(":")[2] for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.lower().startswith("sip:")]
    hosts = [host for host in uris if "@" not in host]
    return tuple(dict.fromkeys(name.lower() for name in (*hosts, *names.get_values_for_type(x509.DNSName))))


def read_file(path: Path) -> bytes:
    """Raises UnusableFile."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror or error}") from error
    if len(content) > MAX_FILE_BYTES:
        raise UnusableFile(f"{path}: more than {MAX_FILE_BYTES} bytes")
    return content


def _signature(path: Path) -> tuple[int, int, int] | None:
    """Links are followed: Kubernetes changes a Secret's files by one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
