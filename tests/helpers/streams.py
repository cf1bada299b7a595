"""SIP peers over TCP and TLS, with the face of `helpers.engine.Peer`: a client with one connection, and a gateway that listens."""

from __future__ import annotations

import ctypes
import socket
import ssl
import struct
import time

from helpers.engine import ANSWER_LIMIT_S, Peer, Sip

from trunkline.lab.sip.flow import Framer

SO_ATTACH_FILTER = 26
"""socket(7); the module `socket` has no name for it."""
BPF_RET_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)


class StreamPeer(Peer):
    """One connection, made by us (`connected`) or to us."""

    def __init__(self, connection: socket.socket, transport: str) -> None:
        self.socket = connection
        self.transport = transport
        self.address = connection.getsockname()[:2]
        self.source: tuple[str, int] = connection.getpeername()[:2]
        self.target = self.source
        self._framer = Framer()
        self._messages: list[bytes] = []

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def reply(self, request: Sip, text: str) -> None:
        self.send(text)

    def receive(self, limit_s: float = ANSWER_LIMIT_S) -> Sip:
        deadline = time.monotonic() + limit_s
        while not self._messages:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            data = self.socket.recv(65_536)
            if not data:
                raise EOFError("the connection was closed")
            self._messages += self._framer.feed(data)
        return Sip.parse(self._messages.pop(0), self.source)

    def fall_silent(self) -> None:
        """From now on the kernel drops whatever comes to this connection, unacknowledged: as where the way to it is cut."""
        code = ctypes.create_string_buffer(BPF_RET_NOTHING, len(BPF_RET_NOTHING))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(code)))

    def is_closed(self) -> bool:
        """Waits until nothing more can come."""
        self.socket.settimeout(ANSWER_LIMIT_S)
        try:
            while self.socket.recv(65_536):
                pass
        except ConnectionError:
            return True
        return True


def connected(
    target: tuple[str, int], transport: str = "tcp", *, tls: ssl.SSLContext | None = None, name: str | None = None, address: str = ""
) -> StreamPeer:
    """`address` is the own one. `name` is what the server's certificate must have."""
    connection = socket.create_connection(target, timeout=ANSWER_LIMIT_S, source_address=(address, 0) if address else None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return StreamPeer(tls.wrap_socket(connection, server_hostname=name) if tls is not None else connection, transport)


class StreamGateway(Peer):
    """Takes a connection when it is asked for the first message, and speaks by the newest."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        self.transport = "tcp" if tls is None else "tls"
        self._tls = tls
        self.socket = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.address = self.socket.getsockname()[:2]
        self.target = None
        self.peer: StreamPeer | None = None

    def accept(self) -> StreamPeer:
        self.socket.settimeout(ANSWER_LIMIT_S)
        connection, _ = self.socket.accept()
        connection.settimeout(ANSWER_LIMIT_S)
        self.peer = StreamPeer(self._tls.wrap_socket(connection, server_side=True) if self._tls is not None else connection, self.transport)
        return self.peer

    def receive(self, limit_s: float = ANSWER_LIMIT_S) -> Sip:
        return (self.peer or self.accept()).receive(limit_s)

    def send(self, text: str) -> None:
        assert self.peer is not None
        self.peer.send(text)

    def reply(self, request: Sip, text: str) -> None:
        self.send(text)

    def close(self) -> None:
        self.socket.close()
        if self.peer is not None:
            self.peer.close()
