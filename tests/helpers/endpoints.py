"""Ends of calls that change their edge: sockets that speak to any edge, are spoken to by any, and keep what they need of the dialog."""

from __future__ import annotations

import itertools
import select
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from helpers.engine import ANSWER_LIMIT_S, Sip

from trunkline.lab.sip.flow import Framer

Address = tuple[str, int]

_branches = itertools.count(1)


class Endpoint:
    """One address over UDP or TCP. Over TCP it listens, and makes a connection to each edge that it speaks to. Copies of a message that
    was heard are passed over; who asks by OPTIONS whether it is alive is answered."""

    def __init__(self, host: str, transport: str = "udp") -> None:
        self.transport = transport
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind((host, 0))
        if transport == "tcp":
            self.socket.listen()
        self.address: Address = self.socket.getsockname()
        self._connections: dict[socket.socket, tuple[Framer, Address]] = {}
        self._to: dict[Address, socket.socket] = {}
        self._messages: list[tuple[bytes, Address, socket.socket]] = []
        self._heard: set[bytes] = set()
        self._ways: dict[Sip, socket.socket] = {}

    @property
    def host_port(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"

    def contact(self, user: str) -> str:
        return f"<sip:{user}@{self.host_port}{'' if self.transport == 'udp' else ';transport=tcp'}>"

    def send(self, text: str, target: Address) -> None:
        if self.transport == "udp":
            self.socket.sendto(text.encode(), target)
            return
        if target not in self._to:
            made = socket.create_connection(target, timeout=ANSWER_LIMIT_S, source_address=(self.address[0], 0))
            self._to[target] = made
            self._connections[made] = Framer(), target
        self._to[target].sendall(text.encode())

    def receive(self, limit_s: float = ANSWER_LIMIT_S) -> Sip:
        """TimeoutError where nothing new comes."""
        deadline = time.monotonic() + limit_s
        while True:
            while self._messages:
                data, source, way = self._messages.pop(0)
                if self.transport == "udp" and data in self._heard:
                    continue
                self._heard.add(data)
                message = Sip.parse(data, source)
                self._ways[message] = way
                if message.start_line.startswith("OPTIONS ") and ";tag=" not in message.one("To"):
                    # Who has asked may have been killed since.
                    with suppress(ConnectionError):
                        self.answer(message, "200 OK", "alive")
                    continue
                return message
            self._read(max(0.0, deadline - time.monotonic()))

    def _read(self, limit_s: float) -> None:
        ready, _, _ = select.select([self.socket, *self._connections], [], [], limit_s)
        if not ready:
            raise TimeoutError(f"{self.host_port} has heard nothing")
        for each in ready:
            if each in self._connections:
                framer, source = self._connections[each]
                try:
                    data = each.recv(65_536)
                except ConnectionError:
                    data = b""
                self._messages += [(message, source, each) for message in framer.feed(data)]
                if not data:
                    self._forget(each)
            elif self.transport == "udp":
                data, source = each.recvfrom(65_536)
                self._messages.append((data, source, each))
            else:
                connection, source = each.accept()
                self._connections[connection] = Framer(), source

    def _forget(self, connection: socket.socket) -> None:
        del self._connections[connection]
        self._to = {target: each for target, each in self._to.items() if each is not connection}
        connection.close()

    def final(self) -> Sip:
        """The next message, provisional responses apart."""
        while (message := self.receive()).start_line.startswith("SIP/2.0 1"):
            pass
        return message

    def answer(self, request: Sip, status: str, tag: str, *extra: str) -> None:
        """Where the request came from."""
        copied = [f"{name}: {value}" for name, value in request.headers if name in ("Via", "From", "Call-ID", "CSeq", "Record-Route")]
        to = request.one("To")
        to += "" if ";tag=" in to else f";tag={tag}"
        lines = [f"SIP/2.0 {status}", *copied, f"To: {to}", f"Contact: {self.contact(tag)}", *extra, "Content-Length: 0", "", ""]
        text = "\r\n".join(lines).encode()
        if self.transport == "udp":
            self.socket.sendto(text, request.source)
        else:
            self._ways[request].sendall(text)

    def close(self) -> None:
        for each in (self.socket, *self._connections):
            each.close()


@dataclass
class End:
    """One end's half of a dialog (RFC 3261 §12): `local` and `remote` with their tags, `routes` in the order of Route."""

    at: Endpoint
    call: str
    local: str
    remote: str
    target: str
    routes: tuple[str, ...]
    cseq: int

    @classmethod
    def of_caller(cls, at: Endpoint, ok: Sip) -> End:
        routes = tuple(reversed(ok.all("Record-Route")))
        return cls(at, ok.one("Call-ID"), ok.one("From"), ok.one("To"), ok.one("Contact").strip("<>"), routes, 1)

    @classmethod
    def of_callee(cls, at: Endpoint, invite: Sip, tag: str) -> End:
        local = f"{invite.one('To')};tag={tag}"
        routes = tuple(invite.all("Record-Route"))
        return cls(at, invite.one("Call-ID"), local, invite.one("From"), invite.one("Contact").strip("<>"), routes, 0)

    def request(self, method: str, *extra: str) -> str:
        """With the next CSeq; an ACK has that of the INVITE before it."""
        self.cseq += method != "ACK"
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/{self.at.transport.upper()} {self.at.host_port};branch=z9hG4bK-{next(_branches)};rport",
            "Max-Forwards: 70",
            *(f"Route: {route}" for route in self.routes),
            f"From: {self.local}",
            f"To: {self.remote}",
            f"Call-ID: {self.call}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: {self.at.contact('end')}",
            *extra,
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""])


def exchange(asks: End, answers: End, method: str, edge: Address) -> None:
    """A whole request through that edge, answered 200 by the other end; an INVITE with its ACK."""
    asks.at.send(asks.request(method), edge)
    heard = answers.at.receive()
    assert heard.start_line.startswith(f"{method} "), heard
    answers.at.answer(heard, "200 OK", "end")
    final = asks.at.final()
    assert final.start_line.startswith("SIP/2.0 200") and final.one("CSeq").endswith(method), final
    if method == "INVITE":
        acknowledge(asks, answers, edge)


def acknowledge(asks: End, answers: End, edge: Address) -> None:
    asks.at.send(asks.request("ACK"), edge)
    heard = answers.at.receive()
    assert heard.start_line.startswith("ACK ") and heard.one("CSeq") == f"{asks.cseq} ACK", heard
