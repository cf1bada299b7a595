"""Channels to other services: mutual TLS, deadline, keep-alive and trace on every call.

channel = open_channel("127.0.0.1:7001", tls=settings.tls, peer="auth")
auth = AuthServiceStub(channel)
await auth.SetCredential(request)          # 5 s; pass timeout= for another
await channel.close()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from trunkline.runtime import telemetry
from trunkline.runtime.authentication import ACTOR, AUTHORIZATION, PERSON, SOURCE
from trunkline.runtime.tls import TlsSettings, channel_credentials, host_name

DEADLINE_S = 5.0
"""Of a call with one answer where the caller names none. Streams have none: they are followed."""

EXPLAIN_LIMIT_S = 70.0
"""Of `Explain`, which may have to read the whole log (60 s) after it has asked records."""

ANSWER_LIMIT_BYTES = 64 << 20
"""Of one answer. An edge fetches all tenants' keys in one: 100,000 are 8 MB."""

_OPTIONS = (
    # a peer that vanished without a word (power, network) is noticed in 15 s
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # after a restart of the peer the first call must not wait out a long backoff
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # despite its name the least that one attempt gets (MIN_CONNECT_TIMEOUT of gRPC's connection-backoff.md), handshake included: a far or
    # busy peer takes several times the first backoff, and an attempt that is cut short begins anew and fails every call that waits for it
    ("grpc.min_reconnect_backoff_ms", int(DEADLINE_S * 1000)),
    # each channel its own connection: a shared one would keep another's backoff
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", ANSWER_LIMIT_BYTES),
    # an error's details may list much; see errors.MESSAGE_LIMIT
    ("grpc.max_metadata_size", 64 << 10),
    ("grpc.absolute_max_metadata_size", 64 << 10),
)


def open_channel(
    address: str, *, tls: TlsSettings, peer: str, key: str = "", deadline_s: float = DEADLINE_S, is_waiting: bool = False
) -> grpc.aio.Channel:
    """A channel that connects when it is used.

    `peer` is the kind of service that must answer (`auth`): its certificate has to say so, wherever `address` leads. `key` is an API key,
    for callers that are no services. `is_waiting`: a call waits (within its deadline) for a peer that is not up yet, instead of failing at
    once; right for services that start in any order. OSError where the certificate cannot be read.
    """
    with_metadata = _Outgoing(key, deadline_s, is_waiting)
    interceptors: list[Any] = [
        _UnaryUnary(with_metadata),
        _UnaryStream(with_metadata),
        _StreamUnary(with_metadata),
        _StreamStream(with_metadata),
    ]
    options = (*_OPTIONS, ("grpc.ssl_target_name_override", host_name(peer)))
    return grpc.aio.secure_channel(address, channel_credentials(tls), options=options, interceptors=interceptors)


def on_behalf_of(actor: str, source: str = "", person: str = "") -> tuple[tuple[str, str], ...]:
    """Metadata for a call that a service makes for somebody: the other's commits name `actor`, `source` as where he asked from, and the
    account `person` by which he did."""
    return ((ACTOR, actor), *(((SOURCE, source),) if source else ()), *(((PERSON, person),) if person else ()))


def brought_from(source: str, key: str) -> tuple[tuple[str, str], ...]:
    """Metadata for a call that REST or the dashboard makes with somebody's API key, who asks from the IP address `source`."""
    return ((AUTHORIZATION, f"Bearer {key}"), (SOURCE, source))


class _Outgoing:
    """What is added to a call's details."""

    def __init__(self, key: str, deadline_s: float, is_waiting: bool) -> None:
        self._fixed = [(AUTHORIZATION, f"Bearer {key}")] if key else []
        self._deadline_s = deadline_s
        self._is_waiting = is_waiting

    def __call__(self, details: grpc.aio.ClientCallDetails, *, has_deadline: bool) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *self._fixed)
        parent = telemetry.trace_parent()
        if parent:
            metadata.add(telemetry.TRACE_PARENT, parent)
        timeout = details.timeout if details.timeout is not None or not has_deadline else self._deadline_s
        is_waiting = self._is_waiting if details.wait_for_ready is None else details.wait_for_ready
        return grpc.aio.ClientCallDetails(
            method=details.method, timeout=timeout, metadata=metadata, credentials=details.credentials, wait_for_ready=is_waiting
        )


Continuation = Callable[[grpc.aio.ClientCallDetails, Any], Any]


class _UnaryUnary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, outgoing: _Outgoing) -> None:
        self._outgoing = outgoing

    async def intercept_unary_unary(self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request: Any) -> Any:
        return await continuation(self._outgoing(client_call_details, has_deadline=True), request)


class _UnaryStream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, outgoing: _Outgoing) -> None:
        self._outgoing = outgoing

    async def intercept_unary_stream(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self._outgoing(client_call_details, has_deadline=False), request)


class _StreamUnary(grpc.aio.StreamUnaryClientInterceptor):
    def __init__(self, outgoing: _Outgoing) -> None:
        self._outgoing = outgoing

    async def intercept_stream_unary(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request_iterator: Any
    ) -> Any:
        return await continuation(self._outgoing(client_call_details, has_deadline=False), request_iterator)


class _StreamStream(grpc.aio.StreamStreamClientInterceptor):
    def __init__(self, outgoing: _Outgoing) -> None:
        self._outgoing = outgoing

    async def intercept_stream_stream(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request_iterator: Any
    ) -> Any:
        return await continuation(self._outgoing(client_call_details, has_deadline=False), request_iterator)
