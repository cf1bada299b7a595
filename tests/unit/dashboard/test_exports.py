"""Files of calls: what goes wrong before the first record is an answer of its own, what goes wrong later never passes for a whole file."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx2
import pytest
import uvicorn
from helpers.authority import table_of, tls_of
from helpers.ports import free_port
from unit.dashboard.conftest import ACME, Browser

from trunkline.api.records.v1 import records_pb2
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceServicer, add_RecordsServiceServicer_to_server
from trunkline.dashboard.app import make_app
from trunkline.dashboard.services import Services
from trunkline.dashboard.settings import DashboardSettings
from trunkline.dashboard.store import Store
from trunkline.dashboard.visits import Desk
from trunkline.runtime.buckets import Buckets

HEAD, ROW = b"call,setup_time\r\n", b"c1,2026-11-22\r\n"


async def test_a_file_that_cannot_be_begun_is_no_file(browser: Browser) -> None:
    for kind in ("csv", "jsonl"):
        answer = await browser.client.get(f"/calls/export.{kind}")
        assert answer.status_code == 503 and "That did not work" in answer.text
        assert "content-disposition" not in answer.headers


async def test_a_time_that_is_none_is_said_and_nothing_is_exported(browser: Browser) -> None:
    answer = await browser.client.get("/calls/export.csv?from=yesterday")
    assert answer.status_code == 422 and "is no time" in answer.text and "content-disposition" not in answer.headers


class Failing(RecordsServiceServicer):
    """A records service that is taken away while it answers: after its first record, or after the head alone."""

    def __init__(self, is_after_record: bool) -> None:
        self._is_after_record = is_after_record

    async def ExportRecords(self, request: Any, context: Any) -> AsyncIterator[records_pb2.ExportRecordsResponse]:
        yield records_pb2.ExportRecordsResponse(data=HEAD)
        if self._is_after_record:
            yield records_pb2.ExportRecordsResponse(data=ROW, records=1)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")


async def exported(folder: Path, *, is_after_record: bool) -> tuple[httpx2.Response | None, bytes, bool]:
    """The answer, what came of its body, and whether it came to its end; over a socket, as a browser has it."""
    tls = tls_of("records")
    server = grpc.aio.server()
    add_RecordsServiceServicer_to_server(Failing(is_after_record), server)
    credentials = grpc.ssl_server_credentials(
        [(tls.key_file.read_bytes(), tls.cert_file.read_bytes())], tls.ca_file.read_bytes(), require_client_auth=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    nobody, own = f"127.0.0.1:{free_port()}", socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{own.getsockname()[1]}"
    settings = DashboardSettings.model_validate(
        {
            "name": "dashboard-eu", "region": "eu", "state_dir": folder, "grpc_listen": "127.0.0.1:0", "http_listen": "127.0.0.1:0",
            "tls": table_of(tls_of("dashboard", "dashboard-eu")), "public_url": url,
            "services": {**dict.fromkeys(("provisioning", "auth", "routing", "dns"), nobody), "records": f"127.0.0.1:{port}"},
        }
    )  # fmt: skip
    store = await Store.open(folder / "dashboard.sqlite", settings.idle_limit_s, settings.session_limit_s)
    services = Services(settings.services, settings.tls)
    desk = Desk(settings, store, services, Buckets(1, 20), Buckets(1, 5))
    secret = await store.add_session(ACME, "", time.time())
    pages = uvicorn.Server(uvicorn.Config(make_app(desk), http="h11", ws="none", lifespan="off", log_config=None))
    serving = asyncio.create_task(pages.serve(sockets=[own]))
    body, is_whole, answer = b"", False, None
    try:
        async with (
            httpx2.AsyncClient(base_url=url, cookies={desk.cookie: secret}, trust_env=False) as client,
            client.stream("GET", "/calls/export.csv") as answer,
        ):
            async for piece in answer.aiter_bytes():
                body += piece
            is_whole = True
    except httpx2.RemoteProtocolError:
        pass
    finally:
        pages.should_exit = True
        await serving
        await services.close()
        await store.close()
        await server.stop(None)
    return answer, body, is_whole


@pytest.mark.timeout(60)
async def test_a_file_that_breaks_in_the_middle_is_a_failed_download(tmp_path: Path) -> None:
    answer, body, is_whole = await exported(tmp_path, is_after_record=True)
    assert answer is not None and answer.status_code == 200 and body == HEAD + ROW and not is_whole


@pytest.mark.timeout(60)
async def test_a_file_that_breaks_before_its_first_record_is_an_error(tmp_path: Path) -> None:
    answer, body, is_whole = await exported(tmp_path, is_after_record=False)
    assert answer is not None and answer.status_code == 503 and is_whole and HEAD not in body
