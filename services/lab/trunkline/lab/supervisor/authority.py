"""The platform's own certificate authorities on one machine: one for gRPC and NATS, with a certificate a process that is good as server and
as client, and one for SIP, whose certificates name what SIP clients ask for and nobody's identity inside.

The URI name `spiffe://trunkline.internal/<kind>/<process>` says who a process is, DNS names as what it may be reached (RFC 5280
§4.2.1.6).
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ZONE = "trunkline.internal"
CA_YEARS = 10
CERTIFICATE_DAYS = 90
RENEWED_WITH_DAYS_LEFT = 30
BACKDATED = timedelta(minutes=5)
"""Clocks of two machines differ."""


class AuthorityProblem(Exception):
    """The authority's files are not what we made; the text says what to do. Nothing is overwritten."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; `ca_file` is whom to trust."""

    ca_file: Path
    cert_file: Path
    key_file: Path


class Authority:
    """Made by `open`. Files are readable by their owner only."""

    def __init__(self, folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._folder = folder
        self._certificate = certificate
        self._key = key

    @property
    def ca_file(self) -> Path:
        return self._folder / "ca.crt"

    @classmethod
    def open(cls, folder: Path) -> Authority:
        """The authority in this folder, made where there is none. Raises AuthorityProblem."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        cert_file, key_file = folder / "ca.crt", folder / "ca.key"
        if not cert_file.exists() and not key_file.exists():
            return cls._make(folder)
        try:
            certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise AuthorityProblem(
                f"{folder}: the authority's ca.crt and ca.key cannot be read ({error}): restore both, or remove both"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise AuthorityProblem(f"{folder}: ca.key does not belong to ca.crt: restore both from one copy, or remove both")
        return cls(folder, certificate, key)

    @classmethod
    def _make(cls, folder: Path) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Trunkline authority {x509.random_serial_number():x}"[:64])])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + timedelta(days=365 * CA_YEARS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(is_ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(folder / "ca.key", _key_pem(key))
        _write(folder / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM))
        return cls(folder, certificate, key)

    def issue(self, kind: str, process: str, folder: Path, *, lifetime: timedelta = timedelta(days=CERTIFICATE_DAYS)) -> TlsFiles:
        """`<process>.crt` and `.key` in `folder`; those that are there are kept while they are of this authority and good for a while."""
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(identity_of(kind, process))]
        names += [x509.DNSName(f"{name}.{ZONE}") for name in dict.fromkeys((kind, process))]
        names += [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return self._issue(process, names, folder, lifetime)

    def issue_for(self, process: str, names: Iterable[str], folder: Path) -> TlsFiles:
        """As `issue`, for these DNS names and IP addresses and nothing else."""
        return self._issue(process, [_general_name(name) for name in names], folder, timedelta(days=CERTIFICATE_DAYS))

    def _issue(self, process: str, names: list[x509.GeneralName], folder: Path, lifetime: timedelta) -> TlsFiles:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = TlsFiles(self.ca_file, folder / f"{process}.crt", folder / f"{process}.key")
        if self._is_good(files, names):
            return files
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, process)]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + lifetime)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(is_ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write(files.key_file, _key_pem(key))
        _write(files.cert_file, certificate.public_bytes(serialization.Encoding.PEM))
        return files

    def _is_good(self, files: TlsFiles, names: list[x509.GeneralName]) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate(files.cert_file.read_bytes())
            key = serialization.load_pem_private_key(files.key_file.read_bytes(), password=None)
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            certificate.verify_directly_issued_by(self._certificate)
        except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        left = certificate.not_valid_after_utc - datetime.now(UTC)
        is_pair = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key()
        return list(found) == names and is_pair and left > timedelta(days=RENEWED_WITH_DAYS_LEFT)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def identity_of(kind: str, process: str) -> str:
    return f"spiffe://{ZONE}/{kind}/{process}"


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
