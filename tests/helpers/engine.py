"""An engine on loopback with a decision of the test's own, and SIP peers that are plain sockets with a script."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline.domain.reasons import REGISTRY
from trunkline.engine import Decision, Engine, Invite, Route, Target, digest_response, ha1
from trunkline.engine.tables import (
    RotatingKey,
    SetAccount,
    SetAddress,
    SetDomain,
    SetNonceKeys,
    SetReason,
    SetTokenKeys,
    TableChange,
)

REALM = "sip.example.com"
HOST = f"acme.{REALM}"
NUMBER = "3123456789"
ANSWER_LIMIT_S = 10.0
SILENCE_S = 0.3
"""How long a peer listens for what must not come."""


def keys() -> tuple[RotatingKey, ...]:
    now = int(time.time())
    return (RotatingKey(1, bytes(range(32)), now - 60, now + 3600, True),)


def platform_tables() -> list[TableChange]:
    return [*(SetReason(row.code, row.status, row.text, row.q850) for row in REGISTRY), SetNonceKeys(keys()), SetTokenKeys(keys())]


def account(acl: str, username: str, password: str) -> SetAccount:
    md5, sha256, sha512 = (ha1(algorithm, username, REALM, password) for algorithm in ("MD5", "SHA-256", "SHA-512-256"))
    return SetAccount(acl, username, md5, sha256, sha512)


def domain(*acls: str, host: str = HOST, algorithms: tuple[str, ...] = ("MD5",), **settings: Any) -> SetDomain:
    return SetDomain(host=host, tenant="acme", label=host.partition(".")[0], acls=acls, algorithms=algorithms, **settings)


def by_address(address: str = "127.0.0.1/32") -> list[TableChange]:
    return [domain("acme/IN"), SetAddress("acme/IN", address, "+31200000000")]


@dataclass(frozen=True, slots=True)
class Sip:
    """One message that came, and where from."""

    start_line: str
    headers: tuple[tuple[str, str], ...]
    body: str
    source: tuple[str, int]

    @classmethod
    def parse(cls, datagram: bytes, source: tuple[str, int]) -> Sip:
        head, _, body = datagram.decode().partition("\r\n\r\n")
        start_line, *lines = head.split("\r\n")
        headers = tuple((name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        return cls(start_line, headers, body, source)

    @property
    def status(self) -> int:
        return int(self.start_line.split()[1])

    def all(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header.lower() == name.lower()]

    def one(self, name: str) -> str:
        [value] = self.all(name)
        return value

    @property
    def to_tag(self) -> str:
        return self.one("To").partition(";tag=")[2]


class Peer:
    """A UDP socket with a bound on every wait."""

    transport = "udp"

    def __init__(self, address: str = "127.0.0.1", target: tuple[str, int] | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.address: tuple[str, int] = self.socket.getsockname()[:2]
        self.target = target

    @property
    def host_port(self) -> str:
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def contact(self, user: str) -> str:
        parameter = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"<sip:{user}@{self.host_port}{parameter}>"

    def send(self, text: str) -> None:
        assert self.target is not None
        self.socket.sendto(text.encode(), self.target)

    def receive(self, limit_s: float = ANSWER_LIMIT_S) -> Sip:
        self.socket.settimeout(limit_s)
        datagram, source = self.socket.recvfrom(65535)
        return Sip.parse(datagram, source[:2])

    def final(self) -> Sip:
        """The next response that is not provisional."""
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while (message := self.receive(max(0.01, deadline - time.monotonic()))).status < 200:
            pass
        return message

    def hears_nothing(self) -> bool:
        try:
            self.receive(SILENCE_S)
        except TimeoutError:
            return True
        return False

    def request(
        self,
        method: str = "INVITE",
        *,
        host: str = HOST,
        number: str = NUMBER,
        call: str = "call-1",
        cseq: int = 1,
        extra: tuple[str, ...] = (),
        to_tag: str = "",
        caller: str = "31000000",
    ) -> str:
        lines = [
            f"{method} sip:{number}@{host} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {self.host_port};branch=z9hG4bK-{call}-{cseq};rport",
            f'From: "PBX" <sip:{caller}@{host}>;tag=from-{call}',
            f"To: <sip:{number}@{host}>{f';tag={to_tag}' if to_tag else ''}",
            f"Call-ID: {call}",
            f"CSeq: {cseq} {method}",
            f"Contact: {self.contact('pbx')}",
            "Max-Forwards: 70",
            *extra,
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""])

    def answer(self, request: Sip, status: str, *extra: str) -> None:
        copied = [f"{name}: {value}" for name, value in request.headers if name in ("Via", "From", "Call-ID", "CSeq", "Record-Route")]
        to = request.one("To")
        to += "" if ";tag=" in to else ";tag=gateway"
        lines = [f"SIP/2.0 {status}", *copied, f"To: {to}", f"Contact: {self.contact('gateway')}", *extra, "Content-Length: 0", "", ""]
        self.reply(request, "\r\n".join(lines))

    def reply(self, request: Sip, text: str) -> None:
        self.socket.sendto(text.encode(), request.source)

    def close(self) -> None:
        self.socket.close()


def authorization(
    challenge: str,
    username: str,
    password: str,
    *,
    nc: int = 1,
    qop: str = "auth",
    uri: str = f"sip:{NUMBER}@{HOST}",
    header: str = "Proxy-Authorization",
) -> str:
    """The line that answers a challenge as a client would."""
    params = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    algorithm = params.get("algorithm", "MD5")
    response = digest_response(
        algorithm=algorithm,
        ha1=ha1(algorithm, username, params["realm"], password),
        nonce=params["nonce"],
        method="INVITE",
        uri=uri,
        qop=qop,
        nc=nc,
        cnonce="c0ffee" if qop else "",
    )
    value = f'Digest username="{username}", realm="{params["realm"]}", nonce="{params["nonce"]}", uri="{uri}", response="{response}"'
    value += f", algorithm={algorithm}"
    if qop:
        value += f', qop={qop}, nc={nc:08x}, cnonce="c0ffee"'
    return f"{header}: {value}"


class EngineBench:
    """An engine whose decision can be set, with its peers; `close` ends all of it."""

    def __init__(self, folder: Path, *, address: str = "127.0.0.1", **settings: Any) -> None:
        self.folder = folder
        self.peers: list[Peer] = []
        self.gateways: list[Peer] = []
        self.address = address
        self.decide: Callable[[Invite], Decision] = lambda _: self.route()
        self.engine = self.make(**settings)
        self.engine.apply(platform_tables(), 1)
        self.engine.start(lambda invite: self.decide(invite))

    def make(self, **settings: Any) -> Engine:
        own = {
            "edge": "edge-test",
            "pop": "test1",
            "realm": REALM,
            "listen": [(self.address, 0)],
            "journal_dir": str(self.folder / "journal"),
        }
        return Engine(**(own | settings))

    def apply(self, *changes: TableChange, position: int = 2) -> None:
        self.engine.apply(changes, position)

    def peer(self, address: str = "") -> Peer:
        peer = Peer(address or self.address, self.engine.addresses[0])
        self.peers.append(peer)
        return peer

    def gateway(self) -> Peer:
        gateway = Peer(self.address)
        self.gateways.append(gateway)
        return gateway

    def route(self) -> Route:
        targets = self.targets()
        return Route(targets, request_users=(NUMBER,) * len(targets))

    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(f"g{number}", "alpha", *gateway.address) for number, gateway in enumerate(self.gateways, start=1))

    def facts(self, count: int) -> list[dict[str, Any]]:
        """The first so many facts of the journal, from its oldest line that was not acknowledged."""
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while True:
            self.engine.rewind()
            lines = b"".join(chunk.lines for chunk in self.engine.drain()).splitlines()
            if len(lines) >= count or time.monotonic() > deadline:
                assert len(lines) >= count, f"{len(lines)} facts instead of {count}: {lines}"
                return [json.loads(line) for line in lines[:count]]
            time.sleep(0.01)

    def status_when(self, name: str, value: int) -> None:
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while self.engine.status()[name] != value:
            assert time.monotonic() < deadline, f"{name} is not {value}: {self.engine.status()}"
            time.sleep(0.01)

    def close(self) -> None:
        self.engine.stop()
        for peer in (*self.peers, *self.gateways):
            peer.close()
