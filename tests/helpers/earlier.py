"""A service as it was before it had certain methods: what it is asked goes on to one of today, but for those."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
from helpers.authority import tls_of

from trunkline.runtime.authentication import AUTHORIZATION
from trunkline.runtime.grpc_client import open_channel


class _Passing(grpc.GenericRpcHandler):
    """Of calls with one request and one answer, as bytes."""

    def __init__(self, channel: grpc.aio.Channel, without: Collection[str]) -> None:
        self._channel = channel
        self._without = without

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        path: str = handler_call_details.method
        if path.rpartition("/")[2] in self._without:
            return None  # gRPC itself answers UNIMPLEMENTED then, as it does for every method that a server has not

        async def behaviour(request: bytes, context: Any) -> bytes:
            metadata = [(key, value) for key, value in context.invocation_metadata() if key == AUTHORIZATION]
            try:
                answer: bytes = await self._channel.unary_unary(path)(request, metadata=metadata, timeout=10)
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "", error.trailing_metadata())
            return answer

        return grpc.unary_unary_rpc_method_handler(behaviour)


@asynccontextmanager
async def earlier(kind: str, address: str, *without: str) -> AsyncIterator[str]:
    """Its address. `kind` is what the certificate is for, `address` where today's service listens."""
    files = tls_of(kind)
    credentials = grpc.ssl_server_credentials(
        [(files.key_file.read_bytes(), files.cert_file.read_bytes())], files.ca_file.read_bytes(), require_client_auth=True
    )
    async with open_channel(address, tls=tls_of("client"), peer=kind) as channel:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((_Passing(channel, without),))
        port = server.add_secure_port("127.0.0.1:0", credentials)
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(None)
