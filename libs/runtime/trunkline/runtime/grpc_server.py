"""A gRPC server: health checks, authentication, deadlines, errors and traces around every method of every service.

    server = GrpcServer(settings.grpc_listen, settings.tls, authenticator)
    add_AuthServiceServicer_to_server(AuthServicer(...), server.grpc)
    await server.start()
    server.set_serving(True)

Methods raise what they mean (`Refusal`, `Conflict`, `LogUnavailable`); only here is it turned into a status. A method finds its caller in
`trunkline.runtime.authentication.current()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import unquote

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from opentelemetry.trace import SpanKind

from trunkline.runtime import authentication, callers, telemetry
from trunkline.runtime.authentication import Authenticator, Unauthenticated
from trunkline.runtime.errors import Problem, encode_status, problem_of
from trunkline.runtime.logs import logger
from trunkline.runtime.tls import Identity, TlsSettings, identity_of, server_credentials

UNARY_LIMIT_S = 30.0
"""The longest that a method with one answer may run, whatever deadline the caller gave (none, often)."""

UPLOAD_LIMIT_S = 300.0
"""The longest that a method may run which takes a stream and gives one answer: an upload and the work on it."""

CONCURRENT_RPCS = 1000
"""More are answered RESOURCE_EXHAUSTED at once instead of filling memory."""

MESSAGE_LIMIT_BYTES = 4 << 20
"""One message; decks come in chunks below it."""

STOP_GRACE_S = 2.0
"""What running methods get at a clean stop."""

HEALTH_PREFIX = "/grpc.health.v1.Health/"

_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
    ("grpc.keepalive_permit_without_calls", 1),
    # clients ping every 10 s (grpc_client); a server that allows fewer pings would cut them off
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    # a second server on the port must fail, not share it
    ("grpc.so_reuseport", 0),
)


class GrpcServer:
    """Listens on one address, `127.0.0.1:0` taking a free port. Make it inside the event loop that it is to run in."""

    def __init__(self, listen: str, tls: TlsSettings, authenticator: Authenticator) -> None:
        """OSError where the certificate cannot be read."""
        self._listen = listen
        self._credentials = server_credentials(tls)
        self._boundary = _Boundary(authenticator)
        self.grpc = grpc.aio.server(interceptors=[self._boundary], options=_OPTIONS, maximum_concurrent_rpcs=CONCURRENT_RPCS)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        self._log = logger("grpc")

    async def start(self) -> str:
        """Begins to answer; not healthy before `set_serving`. The address that it listens on. OSError where it cannot be bound."""
        await self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        try:
            port = self.grpc.add_secure_port(self._listen, self._credentials)
        except RuntimeError as error:
            raise OSError(f"grpc_listen {self._listen}: cannot listen there: is another process on it?") from error
        await self.grpc.start()
        address = f"{self._listen.rpartition(':')[0]}:{port}"
        self._log.info("grpc listens", address=address)
        return address

    async def set_serving(self, is_serving: bool) -> None:
        """What health checks are told."""
        state = health_pb2.HealthCheckResponse.SERVING if is_serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._health.set("", state)

    async def stop(self) -> None:
        """Takes no new calls; running ones get STOP_GRACE_S."""
        await self._health.enter_graceful_shutdown()
        await self.grpc.stop(STOP_GRACE_S)


class _Boundary(grpc.aio.ServerInterceptor):
    """Wraps every method's handler: who calls, how long it may take, what its exceptions mean."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._log = logger("grpc")

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler: Any = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or method.startswith(HEALTH_PREFIX):
            return handler
        keep = {"request_deserializer": handler.request_deserializer, "response_serializer": handler.response_serializer}
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._one_answer(method, handler.unary_unary, is_upload=False), **keep)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._one_answer(method, handler.stream_unary, is_upload=True), **keep)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._many_answers(method, handler.unary_stream), **keep)
        return grpc.stream_stream_rpc_method_handler(self._many_answers(method, handler.stream_stream), **keep)

    def _one_answer(
        self, method: str, inner: Callable[[Any, Any], Awaitable[Any]], *, is_upload: bool
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        async def behaviour(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            try:
                with self._entered(method, context):
                    async with asyncio.timeout(UPLOAD_LIMIT_S if is_upload else UNARY_LIMIT_S):
                        return await inner(request, context)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the boundary: everything becomes a status here
                await self._abort(method, context, error)

        return behaviour

    def _many_answers(self, method: str, inner: Callable[[Any, Any], AsyncIterator[Any]]) -> Callable[[Any, Any], AsyncIterator[Any]]:
        async def behaviour(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            try:
                with self._entered(method, context):
                    async for answer in inner(request, context):
                        yield answer
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the boundary: everything becomes a status here
                await self._abort(method, context, error)

        return behaviour

    @contextmanager
    def _entered(self, method: str, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        metadata = [(str(key), value) for key, value in context.invocation_metadata() or ()]
        principal = self._authenticator.authenticate(metadata, _peer_of(context), _address_of(context.peer()))
        callers.check(method, principal)
        authentication.enter(principal)
        with telemetry.span(method, parent=telemetry.trace_parent_of(metadata), kind=SpanKind.SERVER):
            yield

    async def _abort(self, method: str, context: grpc.aio.ServicerContext[Any, Any], error: Exception) -> NoReturn:
        problem = problem_of(error)
        if problem is None:
            self._log.error("method failed", method=method, exc_info=error)
            problem = Problem("INTERNAL", "INTERNAL", "the service failed; its log has the details", remedy="tell the operator")
        elif isinstance(error, Unauthenticated):
            self._log.info("caller without a valid key", method=method, peer=context.peer())
        elif isinstance(error, grpc.aio.AioRpcError):
            self._log.warning("a service behind this one failed", method=method, code=error.code().name, why=error.details())
        await context.abort_with_status(encode_status(problem))
        raise AssertionError("abort_with_status returned")


def _address_of(peer: str) -> str:
    """The IP address in `ipv4:127.0.0.1:40000` or `ipv6:%5B::1%5D:40000`; empty where it is none, such as for a Unix socket."""
    family, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if family in ("ipv4", "ipv6") else ""


def _peer_of(context: grpc.aio.ServicerContext[Any, Any]) -> Identity | None:
    """From the certificate that the connection was made with; gRPC has verified it."""
    names = context.auth_context().get("x509_subject_alternative_name", ())
    return identity_of(name.decode(errors="replace") for name in names)
