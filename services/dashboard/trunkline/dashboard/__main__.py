"""`trunkline-dashboard --settings FILE`: pages over HTTP, the platform behind them over gRPC as the person who is logged in."""

from __future__ import annotations

import asyncio
import socket

import uvicorn

from trunkline.dashboard.app import make_app
from trunkline.dashboard.services import Services
from trunkline.dashboard.settings import DashboardSettings
from trunkline.dashboard.store import Store
from trunkline.dashboard.visits import Desk
from trunkline.runtime.authentication import Authenticator
from trunkline.runtime.buckets import Buckets
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.logs import logger
from trunkline.runtime.service import Lifecycle, run_service

FILE = "dashboard.sqlite"
CONNECTIONS = 2000
BACKLOG = 256
GRACE_S = 2
MAX_NAMES = 20_000
"""Of persons and sources whose tries to log in are counted."""
NO_KEY = ""
"""Its gRPC face answers health checks only, for which nobody needs a key."""


async def start(settings: DashboardSettings, life: Lifecycle) -> None:
    """For `run_service`: returns when pages are served; the services behind them may be away."""
    store = await Store.open(settings.state_dir / FILE, settings.idle_limit_s, settings.session_limit_s)
    life.on_stop("store", store.close)
    services = Services(settings.services, settings.tls, settings.edges)
    life.on_stop("channels", services.close)
    desk = Desk(settings, store, services, by_source=Buckets(1 / 3, 20, MAX_NAMES), by_name=Buckets(1 / 30, 5, MAX_NAMES))
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(desk),
            loop="none",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=GRACE_S,
            forwarded_allow_ips=",".join(settings.trusted_proxies),
            proxy_headers=bool(settings.trusted_proxies),
        )
    )
    listening = _listen(settings.http_listen)
    serving = life.spawn("http", _serve(server, listening))

    async def stop() -> None:
        server.should_exit = True
        await asyncio.wait({serving})

    life.on_stop("http", stop)
    health = GrpcServer(settings.grpc_listen, settings.tls, Authenticator(NO_KEY))
    await health.start()
    life.on_stop("grpc", health.stop)
    await health.set_serving(True)
    logger("dashboard").info("pages are served", url=settings.public_url)


async def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    """Signals are `run_service`'s to take."""
    await server._serve([listening])


def _listen(address: str) -> socket.socket:
    """OSError where it cannot be bound."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    found = socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG)
    found.setblocking(False)
    return found


def main() -> None:
    run_service(DashboardSettings, start)


if __name__ == "__main__":
    main()
