"""A nats-server as services meet it: TLS, users by certificate, the permissions of production. Fixture `nats_server`.

Tests of a service import the fixture from here; tests of the log alone take the plain one of `helpers.nats`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from helpers.authority import tls_of
from helpers.nats import NatsServer

from trunkline.lab.supervisor.authority import ZONE
from trunkline.lab.supervisor.nats_conf import User, publishes, subscribes
from trunkline.runtime.tls import SERVICE_KINDS, host_name, nats_context

REGION, POP = "eu", "eu1"


class SecureNats(NatsServer):
    """Of the region eu. A service's kind is its user, whatever its process is named; the test itself (`connect`) may do everything."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, domain=REGION, more=_tls() + _users())
        self.url = f"tls://127.0.0.1:{self.port}"

    def _tls_options(self) -> dict[str, Any]:
        return {"tls": nats_context(tls_of("client")), "tls_hostname": host_name("nats")}


def _tls() -> str:
    files = tls_of("nats")
    return f'tls {{ cert_file: "{files.cert_file}", key_file: "{files.key_file}", ca_file: "{files.ca_file}", verify_and_map: true }}\n'


def _users() -> str:
    lines = [f'{{ user: "client.{ZONE}" }}']
    for kind in sorted(SERVICE_KINDS):
        user = User(kind, kind, REGION, POP if kind == "edge" else "")
        own = [f"_INBOX.{kind}-{place}.>" for place in (REGION, POP)]
        may_publish, may_read = json.dumps(publishes(user, REGION, (REGION,))), json.dumps([*subscribes(user), *own])
        permissions = f"{{ publish: {{ allow: {may_publish} }}, subscribe: {{ allow: {may_read} }} }}"
        lines.append(f'{{ user: "{user.name}", permissions: {permissions} }}')
    return "authorization { users: [\n  " + "\n  ".join(lines) + "\n] }\n"


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = SecureNats(tmp_path / "nats")
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
