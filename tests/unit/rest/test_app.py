"""What every answer carries, without a service behind: nobody is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.ports import free_port
from starlette.testclient import TestClient
from starlette.types import Message

from trunkline.lab.supervisor.authority import Authority
from trunkline.rest.app import Desk, make_app
from trunkline.rest.backend import Backend
from trunkline.rest.gate import Gate
from trunkline.rest.settings import Addresses, EdgeAddress
from trunkline.rest.uploads import Uploads
from trunkline.runtime.buckets import Buckets
from trunkline.runtime.tls import TlsSettings


@pytest.fixture
def client(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """`indirect` says whether TLS ends here or before."""
    files = Authority.open(tmp_path / "ca").issue("rest", "rest-eu", tmp_path)
    tls = TlsSettings(ca_file=files.ca_file, cert_file=files.cert_file, key_file=files.key_file)
    nobody = f"127.0.0.1:{free_port()}"
    services = Addresses(provisioning=nobody, auth=nobody, routing=nobody, records=nobody, dns=nobody)

    async def app(scope: object, receive: object, send: object) -> None:
        # Channels belong to the loop in which they are made.
        backend = Backend(services, (EdgeAddress(pop="eu1", edge="edge-eu1", grpc_address=nobody),), tls)
        desk = Desk(backend, Gate(Buckets(1.0, 2), Buckets(1.0, 100)), Uploads(), request.param)
        await make_app(desk)(scope, receive, send)  # type: ignore[arg-type]
        await backend.close()

    yield TestClient(app, raise_server_exceptions=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(("client", "hsts"), [(True, "max-age=31536000"), (False, None)], indirect=["client"])
def test_hsts_is_sent_where_tls_is(client: TestClient, hsts: str | None) -> None:
    for path in ("/openapi.json", "/v1/acls", "/nowhere"):
        answer = client.get(path)
        assert answer.headers.get("strict-transport-security") == hsts
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("client", [False], indirect=True)
def test_a_service_that_is_away_is_told_with_what_to_do(client: TestClient) -> None:
    answer = client.get("/v1/acls", headers={"Authorization": "Bearer tk_x", "Request-Id": "r1"})
    body = answer.json()
    assert (answer.status_code, body["reason"], body["request_id"]) == (503, "SERVICE_UNAVAILABLE", "r1")
    assert answer.headers["retry-after"] == "1" and "same request id" in body["remedy"]
    live = client.get("/v1/live-calls", headers={"Authorization": "Bearer tk_x"})
    assert (live.status_code, live.json()["reason"]) == (503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize("client", [False], indirect=True)
@pytest.mark.parametrize("limit", ["0", "31", "1061", "0001000000", "-1", "5.0", "", "five"])
@pytest.mark.parametrize("wait", [{}, {"wait": "all"}])
def test_a_time_to_wait_that_there_is_not_is_refused_whether_anybody_waits_or_not(
    client: TestClient, limit: str, wait: dict[str, str]
) -> None:
    answer = client.post("/v1/acls", json={"acl": "office"}, headers={"Authorization": "Bearer tk_x"}, params={"wait_s": limit} | wait)
    assert (answer.status_code, answer.json()["reason"]) == (400, "TIMEOUT_INVALID")


@pytest.mark.parametrize("client", [False], indirect=True)
@pytest.mark.parametrize("query", ["wait_s=5&wait_s=5", "wait=eu1&wait=us1"])
def test_what_says_how_long_to_wait_for_whom_is_given_once(client: TestClient, query: str) -> None:
    answer = client.post(f"/v1/acls?{query}", json={"acl": "office"}, headers={"Authorization": "Bearer tk_x"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "PARAMETER_REPEATED")


@pytest.mark.parametrize("client", [False], indirect=True)
async def test_nothing_is_read_of_an_upload_before_a_service_has_seen_the_key(client: TestClient) -> None:
    """A body may take five minutes, and there are two turns for all."""
    told: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        told.append(message)

    headers = [(b"authorization", b"Bearer tk_made-up"), (b"content-type", b"text/csv"), (b"content-length", b"30000000")]
    scope = {"type": "http", "method": "PUT", "path": "/v1/decks/made", "query_string": b"currency=EUR", "headers": headers, "client": None}
    await client.app(scope, receive, send)
    assert told[0]["status"] == 503 and b"SERVICE_UNAVAILABLE" in told[1]["body"]
