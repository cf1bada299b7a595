"""The edge's certificates as clients see them: by name, renewed without a restart, and whatever is wrong with a file."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from trunkline.edge.certificates import CertificateKeeper
from trunkline.edge.settings import CarrierTlsSettings, CertificateSettings
from trunkline.engine import Decision, Engine, Invite, Reject
from trunkline.lab.supervisor.authority import Authority, TlsFiles

ACME = ("acme.sip.example.com", "*.eu1.sip.example.com")
OTHER = ("Other.sip.example.com",)


def refuse(_: Invite) -> Decision:
    return Reject("T401")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(
        edge="edge-test",
        pop="test1",
        realm="sip.example.com",
        listen=[("127.0.0.1", 0, "tls"), ("::1", 0, "tls")],
        journal_dir=str(tmp_path / "journal"),
    )
    engine.start(refuse)
    yield engine
    engine.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "authority")


def issued(authority: Authority, folder: Path, names: tuple[str, ...]) -> CertificateSettings:
    files = authority.issue_for("shown", names, folder)
    return CertificateSettings(cert_file=files.cert_file, key_file=files.key_file)


def keeper_of(*certificates: CertificateSettings, carriers: CarrierTlsSettings | None = None, check_s: float = 60) -> CertificateKeeper:
    return CertificateKeeper(certificates, carriers, check_s=check_s)


def connected(engine: Engine, name: str, authority: Authority | None = None, *, listener: int = 0) -> ssl.SSLSocket:
    """Without an authority nothing is verified."""
    context = ssl.create_default_context(cafile=authority.ca_file) if authority else ssl._create_unverified_context()
    return context.wrap_socket(socket.create_connection(engine.addresses[listener], timeout=10), server_hostname=name or None)


def shown(engine: Engine, name: str) -> x509.Certificate:
    with connected(engine, name) as client:
        certificate = client.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate)


def certificate_in(settings: CertificateSettings) -> x509.Certificate:
    return x509.load_pem_x509_certificate(settings.cert_file.read_bytes())


def answers(client: ssl.SSLSocket) -> bool:
    client.sendall(
        b"OPTIONS sip:sip.example.com SIP/2.0\r\nVia: SIP/2.0/TLS client.invalid;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
    return client.recv(4096).startswith(b"SIP/2.0 200 OK\r\n")


def test_the_certificate_is_that_of_the_name_asked_for(engine: Engine, authority: Authority, tmp_path: Path) -> None:
    first, second = issued(authority, tmp_path / "1", ACME), issued(authority, tmp_path / "2", OTHER)
    keeper_of(first, second).attach(engine)
    for name, settings in [
        ("acme.sip.example.com", first),
        ("x.eu1.sip.example.com", first),
        ("other.sip.example.com", second),
        ("OTHER.SIP.EXAMPLE.COM", second),
        ("a.b.eu1.sip.example.com", first),  # nobody's: the first
        ("", first),
    ]:
        assert shown(engine, name) == certificate_in(settings), name
    for listener, name in enumerate(("acme.sip.example.com", "x.eu1.sip.example.com")):
        with connected(engine, name, authority, listener=listener) as client:
            assert answers(client)


def test_a_client_that_verifies_refuses_a_name_that_no_certificate_has(engine: Engine, authority: Authority, tmp_path: Path) -> None:
    keeper_of(issued(authority, tmp_path / "1", ACME)).attach(engine)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'eu2\.sip\.example\.com'"):
        connected(engine, "eu2.sip.example.com", authority)
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(engine, "acme.sip.example.com", Authority.open(tmp_path / "stranger"))


@pytest.mark.parametrize(
    ("version", "is_spoken"), [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)]
)
def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(
    engine: Engine, authority: Authority, tmp_path: Path, version: ssl.TLSVersion, is_spoken: bool
) -> None:
    keeper_of(issued(authority, tmp_path / "1", ACME)).attach(engine)
    context = ssl.create_default_context(cafile=authority.ca_file)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    connection = socket.create_connection(engine.addresses[0], timeout=10)
    try:
        with context.wrap_socket(connection, server_hostname=ACME[0]) as client:
            assert is_spoken and answers(client) and client.version() == version.name.replace("_", ".")
    except ssl.SSLError as error:
        assert not is_spoken, error


async def test_a_renewed_certificate_is_shown_without_a_restart_and_no_connection_ends(
    engine: Engine, authority: Authority, tmp_path: Path
) -> None:
    settings = issued(authority, tmp_path / "1", ACME)
    keeper = keeper_of(settings, check_s=0.05)
    keeper.attach(engine)
    kept = connected(engine, "acme.sip.example.com", authority)
    before = certificate_in(settings)
    watching = asyncio.create_task(keeper.run())
    authority.issue_for("shown", (*ACME, "new.sip.example.com"), tmp_path / "1")
    async with asyncio.timeout(10):
        while await asyncio.to_thread(shown, engine, "acme.sip.example.com") == before:
            assert not watching.done()
    assert shown(engine, "new.sip.example.com") == certificate_in(settings) != before
    assert answers(kept)
    kept.close()
    watching.cancel()


def _garbage(files: CertificateSettings, _: TlsFiles) -> None:
    files.cert_file.write_text("-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n")


def _nothing(files: CertificateSettings, _: TlsFiles) -> None:
    files.key_file.unlink()


def _half(files: CertificateSettings, other: TlsFiles) -> None:
    files.cert_file.write_bytes(other.cert_file.read_bytes())


def _endless(files: CertificateSettings, _: TlsFiles) -> None:
    files.cert_file.write_bytes(files.cert_file.read_bytes() + b"\n" * (1 << 20))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(_garbage, "cannot be read"), (_nothing, "No such file"), (_half, "is not the key of"), (_endless, "more than")],
)
def test_a_bad_file_is_told_of_once_and_what_was_there_stays(
    engine: Engine, authority: Authority, tmp_path: Path, spoil: object, told: str
) -> None:
    settings = issued(authority, tmp_path / "1", ACME)
    keeper = keeper_of(settings)
    keeper.attach(engine)
    good = certificate_in(settings)
    renewed = authority.issue_for("renewed", ACME, tmp_path / "2")
    assert callable(spoil)
    spoil(settings, renewed)
    with capture_logs() as logs:
        keeper.look()
        keeper.look()
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert told in logs[0]["why"]
    assert shown(engine, "acme.sip.example.com") == good
    os.replace(renewed.cert_file, settings.cert_file)
    os.replace(renewed.key_file, settings.key_file)
    keeper.look()
    assert shown(engine, "acme.sip.example.com") == certificate_in(settings) != good


def test_what_is_bad_at_the_start_keeps_nobody_else_out(engine: Engine, authority: Authority, tmp_path: Path) -> None:
    missing = CertificateSettings(cert_file=tmp_path / "no.crt", key_file=tmp_path / "no.key")
    good = issued(authority, tmp_path / "2", OTHER)
    carriers = CarrierTlsSettings(roots_file=tmp_path / "no-roots")
    with capture_logs() as logs:
        keeper_of(missing, good, carriers=carriers).attach(engine)
    assert [entry["log_level"] for entry in logs] == ["error", "info", "error"]
    assert shown(engine, "acme.sip.example.com") == certificate_in(good)


def test_a_key_that_the_engine_cannot_use_keeps_nobody_elses_renewal_waiting(engine: Engine, authority: Authority, tmp_path: Path) -> None:
    first, second = issued(authority, tmp_path / "1", ACME), issued(authority, tmp_path / "2", OTHER)
    keeper = keeper_of(first, second)
    keeper.attach(engine)
    before = certificate_in(first)
    key = ed448.Ed448PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ed448")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = builder.not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2120, 1, 1)).sign(key, None)
    first.cert_file.write_bytes(made.public_bytes(Encoding.PEM))
    first.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    authority.issue_for("shown", (*OTHER, "new.sip.example.com"), tmp_path / "2")
    with capture_logs() as logs:
        keeper.look()
    assert [(entry["log_level"], entry["file"]) for entry in logs] == [("error", str(first.cert_file)), ("info", str(second.cert_file))]
    assert shown(engine, "acme.sip.example.com") == before
    assert shown(engine, "new.sip.example.com") == certificate_in(second)
