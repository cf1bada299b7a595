"""A signed-in browser's requests to a dashboard, without a browser: over one connection that stays open, as browsers do."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

LIMIT_S = 60.0


class Answer(NamedTuple):
    """`first_ms` is from the request's first byte out to the answer's first byte in, `whole_ms` to its last."""

    first_ms: float
    whole_ms: float
    text: str


class Reader:
    """One connection. `cookie` is as `sign_in` gives it; RuntimeError for an answer that is not 200."""

    def __init__(self, base: str, cookie: str) -> None:
        self._connection = _connected(base)
        self._cookie = cookie

    def get(self, path: str) -> Answer:
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Cookie": self._cookie})
        assert isinstance(self._connection.sock, socket.socket)
        self._connection.sock.recv(1, socket.MSG_PEEK)
        first = time.perf_counter()
        answer = self._connection.getresponse()
        text = answer.read().decode()
        whole = time.perf_counter()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}\n{text[:500]}")
        return Answer(1000 * (first - began), 1000 * (whole - began), text)

    def close(self) -> None:
        self._connection.close()


def sign_in(base: str, key: str) -> str:
    """By a one-time link for the holder of an API key; the cookie's `name=secret`."""
    connection = _connected(base)
    try:
        connection.request("POST", "/links", headers={"Authorization": f"Bearer {key}"})
        link = urlsplit(json.load(connection.getresponse())["url"]).path
        connection.request("POST", link)
        answer = connection.getresponse()
        answer.read()
        cookie = answer.getheader("Set-Cookie")
        if answer.status != 303 or not cookie:
            raise RuntimeError(f"signing in was answered {answer.status}")
        return cookie.partition(";")[0]
    finally:
        connection.close()


@contextmanager
def events(base: str, path: str, cookie: str) -> Iterator[Iterator[tuple[int, str]]]:
    """Server-sent events as they come: when the last byte of one was read, in nanoseconds since 1970, and its text. Ends when the
    connection is closed, at the latest after LIMIT_S of silence."""
    connection = _connected(base)
    connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/event-stream"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")

    def each() -> Iterator[tuple[int, str]]:
        read = b""
        while piece := answer.read1(1 << 20):
            read += piece
            *whole, read = read.split(b"\n\n")
            now_ns = time.time_ns()
            for event in whole:
                yield now_ns, event.decode()

    try:
        yield each()
    finally:
        connection.close()


def _connected(base: str) -> http.client.HTTPConnection:
    parts = urlsplit(base)
    assert parts.hostname is not None
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=LIMIT_S)
