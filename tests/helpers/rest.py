"""Requests to REST from an address of one's own: what a source did wrong is held against that source."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def reason(self) -> str:
        """Of a problem, which has one form everywhere."""
        assert self.headers["content-type"] == "application/problem+json"
        body = self.json
        assert set(body) == {
            "type", "title", "status", "detail", "instance", "code", "reason", "field", "remedy", "metadata", "request_id",
        }  # fmt: skip
        assert body["status"] == self.status and body["request_id"] == self.headers["request-id"]
        return str(body["reason"])


@dataclass(frozen=True)
class Rest:
    """`key` may be empty; `source` is a loopback address."""

    url: str
    key: str = ""
    source: str = "127.0.0.1"
    more: dict[str, str] = field(default_factory=dict)

    def ask(self, verb: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: str) -> Answer:
        """`body`: what becomes JSON, or bytes as they are."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S, source_address=(self.source, 0))
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if raw is not None:
            sent["Content-Type"] = "application/json"
        target = quote(path, safe="/%") + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(verb, target, raw, {**sent, **self.more, **(headers or {})})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read().decode())
        finally:
            connection.close()
