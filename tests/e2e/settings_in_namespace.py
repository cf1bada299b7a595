"""What `test_pbx_settings.py` runs inside of a network namespace: the settings of `trunkline dns settings`, saved where they say, with
nothing filled in but the password, in Debian's baresip and in Debian's Kamailio with the configuration that its package brings.

/etc/kamailio and the machine's authorities are the test's own there. The platform has eu1 and us1; us1 is the domains' nearest.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from helpers import sipp
from helpers.baresip import Baresip
from helpers.kamailio import Kamailio
from helpers.platform import Platform, free_loopback
from helpers.trunks import Trunk, create_customer, record_of

TENANT = "pasters"
USERNAME, PASSWORD, CALLER_ID = "paster", "paster-password-1", "+31205550730"
ACCOUNT, ADDRESS = "pasteaccount", "pasteaddress"
"""Labels: by digest, and by the address that Kamailio sends from."""

KAMAILIO = "127.0.0.1"
"""Its package's configuration listens on all addresses that the machine has."""
ETC = Path("/etc/kamailio")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Place:
    platform: Platform
    phone: str

    def printed(self, label: str, pbx: str, transport: str, *, pop: str = "") -> dict[str, str]:
        """The files, by name, and PASSWORD in them filled in."""
        words = ["dns", "settings", label, "--pbx", pbx, "--transport", transport, "--tenant", TENANT, "--as-operator"]
        words += ["--pop", pop] if pop else []
        files = {file["name"]: file["content"] for file in self.platform.json(*words)["files"]}
        return {name: content.replace("PASSWORD", PASSWORD) for name, content in files.items()}

    def must_have_called(self, number: str, *, pop: str, transport: str, account: str = USERNAME) -> None:
        record = record_of(self.platform, TENANT, number, outcome="answered")
        assert (record.status, record.ended_by) == (200, "caller")
        assert (record.pop, record.transport, record.account, record.caller_id) == (pop, transport, account, CALLER_ID)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    loopback = free_loopback()
    platform = Platform(tmp_path_factory.mktemp("platform") / "state", loopback, pops="eu1,us1", dns_port=53)
    Path("/etc/resolv.conf").write_text(f"nameserver {loopback}.0.1\noptions timeout:2 attempts:2\n")
    try:
        platform.start()
        mount(Path(platform.local["sip_ca_file"]), AUTHORITIES)
        trunks = [
            Trunk(ACCOUNT, CALLER_ID, username=USERNAME, password=PASSWORD),
            Trunk(ADDRESS, CALLER_ID, address=f"{KAMAILIO}/32"),
        ]
        create_customer(platform, TENANT, trunks)
        for label in (ACCOUNT, ADDRESS):
            platform.cli("domain", "nearest", label, "us1", "--tenant", TENANT, "--as-operator", "--wait")
        yield Place(platform, f"{loopback}.24.3")
    finally:
        if platform.process is not None:
            platform.stop()


def mount(source: Path, target: Path) -> None:
    subprocess.run(["mount", "--bind", source, target], check=True, timeout=10)


@pytest.mark.parametrize(("transport", "pop"), [("udp", ""), ("tcp", ""), ("tls", ""), ("tls", "eu1")])
def test_baresip_calls_by_its_settings(place: Place, tmp_path: Path, transport: str, pop: str) -> None:
    """Dialled as people dial, a number and no more."""
    (accounts,) = place.printed(ACCOUNT, "baresip", transport, pop=pop).values()
    number = f"+31207301{['udp', 'tcp', 'tls'].index(transport)}{bool(pop):d}"
    with Baresip(tmp_path, place.phone, accounts=accounts) as phone:
        phone.command("dial", number)
        phone.wait_for_event("CALL_ESTABLISHED")
        phone.command("hangup")
        phone.wait_for_event("CALL_CLOSED")
    place.must_have_called(number, pop=pop or "us1", transport=transport)


@contextmanager
def kamailio(folder: Path, files: dict[str, str]) -> Iterator[Kamailio]:
    """The package's configuration with the two lines that the settings ask for, and beside it what they are."""
    etc = folder / "etc"
    shutil.copytree(ETC, etc)
    mount(etc, ETC)
    try:
        text = (ETC / "kamailio.cfg").read_text()
        for wanted, before in (
            (r'include_file "trunkline.cfg"', "request_route {"),
            (r"if \(is_method.*", "\t# dispatch requests to foreign domains\n"),
        ):
            line = re.search(rf":   ({wanted})$", files["trunkline.cfg"], re.MULTILINE)
            assert line is not None and text.count(before) == 1
            text = text.replace(before, f"{line[1]}\n{before}")
        (ETC / "kamailio.cfg").write_text(text)
        for name, content in files.items():
            (ETC / name).write_text(content)
            for command in re.findall(r"^# (openssl req .*)$", content, re.MULTILINE):
                subprocess.run(command.split(), check=True, capture_output=True, timeout=30)
        with (
            TemporaryDirectory() as runtime,
            Kamailio.of_files(ETC / "kamailio.cfg", folder / "run", KAMAILIO, runtime=Path(runtime)) as running,
        ):
            yield running
    finally:
        subprocess.run(["umount", ETC], check=True, timeout=10)


def test_what_is_printed_is_the_files_one_after_another(place: Place) -> None:
    words = ("dns", "settings", ACCOUNT, "--pbx", "kamailio", "--tenant", TENANT, "--as-operator")
    files = place.platform.json(*words)["files"]
    assert [file["name"] for file in files] == ["tls.cfg", "trunkline.cfg"]
    assert place.platform.cli(*words).stdout == "".join(file["content"] for file in files)


def call(place: Place, folder: Path, number: str) -> None:
    """By a telephone behind Kamailio, which dials as Kamailio's own."""
    caller = sipp.Caller(host=KAMAILIO, number=number)
    result = sipp.run(folder / "phone", sipp.answered_call(caller), target=f"{KAMAILIO}:5060", local_address=place.phone, timeout_s=20)
    result.must_succeed(1)


@pytest.mark.parametrize(("transport", "label"), [("udp", ACCOUNT), ("udp", ADDRESS), ("tcp", ACCOUNT), ("tls", ACCOUNT), ("tls", ADDRESS)])
def test_kamailio_calls_by_its_settings(place: Place, tmp_path: Path, transport: str, label: str) -> None:
    number = f"+31207302{['udp', 'tcp', 'tls'].index(transport)}{label == ADDRESS:d}"
    with kamailio(tmp_path, place.printed(label, "kamailio", transport)):
        call(place, tmp_path, number)
    place.must_have_called(number, pop="us1", transport=transport, account=USERNAME if label == ACCOUNT else "")


def test_kamailio_calls_by_the_settings_of_a_bound_name(place: Place, tmp_path: Path) -> None:
    with kamailio(tmp_path, place.printed(ACCOUNT, "kamailio", "tls", pop="eu1")):
        call(place, tmp_path, "+3120730300")
    place.must_have_called("+3120730300", pop="eu1", transport="tls")


@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_kamailio_goes_on_to_the_next_server_by_its_settings(place: Place, tmp_path: Path, transport: str) -> None:
    """The nearest stands still: its sockets are there, and nothing comes. What waits in them is an attempt of its own, when it goes on."""
    number = f"+31207304{['udp', 'tls'].index(transport)}0"
    with kamailio(tmp_path, place.printed(ACCOUNT, "kamailio", transport)):
        place.platform.lab("freeze", "edge-us1")
        try:
            call(place, tmp_path, number)
        finally:
            place.platform.lab("thaw", "edge-us1")
    place.must_have_called(number, pop="eu1", transport=transport)


def test_kamailio_trusts_no_other_authority_by_its_settings(place: Place, tmp_path: Path) -> None:
    files = place.printed(ADDRESS, "kamailio", "tls")
    other = tmp_path / "other.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=other"]
    subprocess.run([*command, "-keyout", tmp_path / "key", "-out", other], check=True, capture_output=True, timeout=30)
    mount(other, AUTHORITIES)
    try:
        with kamailio(tmp_path, files) as running, pytest.raises(AssertionError):
            call(place, tmp_path, "+3120730500")
        assert "certificate verify failed" in running.log
    finally:
        subprocess.run(["umount", AUTHORITIES], check=True, timeout=10)
