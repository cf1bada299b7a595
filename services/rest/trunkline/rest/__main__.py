"""REST's process: `trunkline-rest --settings FILE`. HTTP to customers, gRPC to the services, with their keys."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

import uvicorn

from trunkline.rest.app import Desk, make_app
from trunkline.rest.backend import Backend
from trunkline.rest.gate import Gate
from trunkline.rest.settings import RestSettings
from trunkline.rest.uploads import Uploads
from trunkline.runtime.authentication import Authenticator
from trunkline.runtime.buckets import Buckets
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.logs import logger
from trunkline.runtime.service import Lifecycle, run_service

BACKLOG: Final = 512
CONNECTIONS: Final = 2_000
"""More are answered 503 at once."""
KEEP_ALIVE_S: Final = 30
GRACE_S: Final = 3
"""What running requests get at a clean stop."""
MAX_HEADERS_BYTES: Final = 32 << 10
NO_KEY: Final = ""
"""Its gRPC side answers health checks only, for which nobody needs a key."""


async def start(settings: RestSettings, life: Lifecycle) -> None:
    """Ready as soon as it listens; the services behind it may be away, which requests are told."""
    backend = Backend(settings.services, settings.edges, settings.tls)
    life.on_stop("channels", backend.close)
    gate = Gate(Buckets(settings.key_rate, settings.key_burst), Buckets(settings.login_rate, settings.login_burst))
    app = make_app(Desk(backend, gate, Uploads(), settings.is_https))
    https = settings.https
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="none",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=MAX_HEADERS_BYTES,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=",".join(settings.trusted_proxies),
            ssl_certfile=https.cert_file if https is not None else None,
            ssl_keyfile=https.key_file if https is not None else None,
        )
    )
    listening = _listen(settings.http_listen)
    # Not `serve`: signals are run_service's to take.
    serving = life.spawn("http", server._serve([listening]))

    async def stop() -> None:
        server.should_exit = True
        await asyncio.wait({serving})

    life.on_stop("http", stop)
    health = GrpcServer(settings.grpc_listen, settings.tls, Authenticator(NO_KEY))
    await health.start()
    life.on_stop("grpc", health.stop)
    await health.set_serving(True)
    logger("rest").info("rest listens", address=settings.http_listen, tls=settings.is_https)


def _listen(address: str) -> socket.socket:
    """OSError where it cannot be bound."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=BACKLOG)
    found.setblocking(False)
    return found


def main() -> None:
    run_service(RestSettings, start)


if __name__ == "__main__":
    main()
