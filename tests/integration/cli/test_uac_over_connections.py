"""The test caller over TCP and TLS, with a simulated carrier in a process of its own as the called side."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from helpers.platform import wait_for
from helpers.ports import free_port

from trunkline.cli.uac.call import Ending
from trunkline.cli.uac.messages import Order
from trunkline.cli.uac.shell import place_call
from trunkline.cli.uac.wires import TlsOptions
from trunkline.lab.sip.flow import Flow, Transport
from trunkline.lab.sip.message import first
from trunkline.lab.supervisor.authority import Authority
from trunkline.lab.supervisor.toml import to_toml

HOST = "acme.sip.trunkline.test"


@dataclass
class Carrier:
    """Its certificate names HOST, as a point of presence's would."""

    host: str
    ca_file: Path
    log: Path
    ports: dict[Transport, int] = field(default_factory=dict)

    def flow(self, transport: Transport) -> Flow:
        return Flow(self.host, self.ports[transport], transport)


@pytest.fixture(scope="module", params=["127.0.0.1", "::1"])
def carrier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    folder = tmp_path_factory.mktemp("carrier")
    files = Authority.open(folder / "authority").issue_for("carrier", [HOST], folder)
    host, log = request.param, folder / "alpha.log"
    ports: dict[Transport, int] = {"tcp": free_port(host), "tls": free_port(host)}
    tls = {"port": ports["tls"], "cert_file": str(files.cert_file), "key_file": str(files.key_file), "ca_file": str(files.ca_file)}
    settings = folder / "carrier.toml"
    settings.write_text(to_toml({"name": "carrier-alpha", "host": host, "port": ports["tcp"], "tls": tls, "message_log": str(log)}))
    process = subprocess.Popen([sys.executable, "-m", "trunkline.lab.carrier", "--settings", settings])
    try:
        wait_for("the carrier listens", lambda: all(is_open(host, port) for port in ports.values()))
        yield Carrier(host, files.ca_file, log, ports)
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0


def is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def order(number: str = "+31201234567", **options: float) -> Order:
    return Order(number=number, host=HOST, **{"hold_s": 0.05, **options})


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_call_is_answered_and_hung_up_and_nothing_is_sent_twice(carrier: Carrier, transport: Transport) -> None:
    tls = TlsOptions(carrier.ca_file, HOST) if transport == "tls" else None
    placed = await place_call(order(), proxy=carrier.flow(transport), tls=tls)
    assert placed.outcome.ending is Ending.HUNG_UP, placed.outcome
    assert not any(step.is_repeated for step in placed.steps)
    invite = placed.steps[0].message
    assert first(invite.headers, "via").startswith(f"SIP/2.0/{transport.upper()} ")
    assert f";transport={transport}>" in first(invite.headers, "contact")
    refused = await place_call(order("+31201234486"), proxy=carrier.flow(transport), tls=tls)
    assert (refused.outcome.status, refused.outcome.ending) == (486, Ending.REFUSED)
    ringing = await place_call(order("+31201234180", cancel_after_s=0.05), proxy=carrier.flow(transport), tls=tls)
    assert (ringing.outcome.status, ringing.outcome.ending) == (487, Ending.CANCELLED)


async def test_a_certificate_that_is_not_the_domains_is_not_spoken_to(carrier: Carrier, tmp_path: Path) -> None:
    stranger = Authority.open(tmp_path / "stranger").ca_file
    for options in (TlsOptions(carrier.ca_file, "other.sip.trunkline.test"), TlsOptions(stranger, HOST)):
        placed = await place_call(order(), proxy=carrier.flow("tls"), tls=options)
        assert (placed.outcome.ending, placed.steps) == (Ending.NO_ANSWER, ())
        assert "certificate verify failed" in placed.outcome.note


async def test_nobody_there_is_said_at_once(carrier: Carrier) -> None:
    placed = await place_call(order(), proxy=Flow(carrier.host, free_port(carrier.host), "tcp"))
    assert placed.outcome.ending is Ending.NO_ANSWER
    assert "Connect call failed" in placed.outcome.note
