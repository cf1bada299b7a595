"""What callers of a service see, over real connections."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from helpers.authority import tls_of
from helpers.tcp_proxy import tcp_proxy

from trunkline.api.edge.v1 import edge_pb2, edge_pb2_grpc
from trunkline.api.provisioning.v1 import provisioning_pb2, provisioning_pb2_grpc
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.eventlog.log import Conflict, LogUnavailable
from trunkline.runtime import authentication, grpc_server, telemetry
from trunkline.runtime.authentication import Principal, Role
from trunkline.runtime.errors import METADATA_VALUE_LIMIT, Problem, decode_status
from trunkline.runtime.grpc_client import on_behalf_of, open_channel
from trunkline.runtime.grpc_server import GrpcServer


def raising(error: Exception) -> Callable[[], Awaitable[None]]:
    async def method() -> None:
        raise error

    return method


async def ask(channel: grpc.aio.Channel, **options: Any) -> edge_pb2.WaitAppliedResponse:
    return await edge_pb2_grpc.EdgeServiceStub(channel).WaitApplied(edge_pb2.WaitAppliedRequest(), **options)  # type: ignore[no-any-return, misc]


async def problem(channel: grpc.aio.Channel, **options: Any) -> Problem:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(channel, **options)
    return decode_status(caught.value)


async def test_a_refusal_arrives_whole(peer: Any) -> None:
    refusal = Refusal(
        ErrorCode.FAILED_PRECONDITION,
        "ACL_ATTACHED",
        "the ACL is attached to acme",
        field="acl",
        remedy="detach it first",
        metadata={"domains": "acme"},
    )
    peer.scripted.method = raising(refusal)
    async with peer.channel() as channel:
        assert await problem(channel) == Problem(
            "FAILED_PRECONDITION", "ACL_ATTACHED", "the ACL is attached to acme", "acl", "detach it first", {"domains": "acme"}
        )


@pytest.mark.parametrize("code", list(ErrorCode))
async def test_every_code_has_its_status(peer: Any, code: ErrorCode) -> None:
    peer.scripted.method = raising(Refusal(code, "SOME_REASON", "why"))
    async with peer.channel() as channel:
        seen = await problem(channel)
    assert seen.code == ("ABORTED" if code is ErrorCode.CONFLICT else code.value)
    assert (seen.reason, seen.message, seen.field, seen.remedy) == ("SOME_REASON", "why", "", "")


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (Conflict("version 3, expected 2"), "ABORTED", "CONFLICT"),
        (LogUnavailable("no answer in 2 s"), "UNAVAILABLE", "LOG_UNAVAILABLE"),
        (TimeoutError("not covered"), "DEADLINE_EXCEEDED", "TIMEOUT"),
        (ZeroDivisionError("secret detail"), "INTERNAL", "INTERNAL"),
    ],
)
async def test_failures_have_their_status(peer: Any, error: Exception, code: str, reason: str) -> None:
    peer.scripted.method = raising(error)
    async with peer.channel() as channel:
        seen = await problem(channel)
    assert (seen.code, seen.reason) == (code, reason)
    assert "secret detail" not in str(seen)


async def test_a_failure_in_the_middle_of_a_stream_arrives_after_what_came_before(peer: Any) -> None:
    peer.scripted.method = raising(Refusal(ErrorCode.NOT_FOUND, "TENANT_UNKNOWN", "no such tenant"))
    seen = []
    async with peer.channel("operator") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for answer in provisioning_pb2_grpc.ProvisioningServiceStub(channel).TailEvents(provisioning_pb2.TailEventsRequest()):
                seen.append(answer.position)
    assert seen == [1]
    assert decode_status(caught.value).reason == "TENANT_UNKNOWN"


async def test_metadata_that_would_not_fit_a_trailer_is_cut_and_the_refusal_still_arrives(peer: Any) -> None:
    names = ",".join(f"domain{number}" for number in range(5000))
    peer.scripted.method = raising(Refusal(ErrorCode.FAILED_PRECONDITION, "ACL_ATTACHED", "many", metadata={"domains": names}))
    async with peer.channel() as channel:
        seen = await problem(channel)
    assert seen.reason == "ACL_ATTACHED"
    assert len(seen.metadata["domains"]) == METADATA_VALUE_LIMIT


async def test_a_refusal_of_a_service_behind_is_passed_on_as_it_is(peer: Any) -> None:
    inner = Refusal(ErrorCode.INVALID_ARGUMENT, "PASSWORD_TOO_SHORT", "7 characters", field="password")
    calls = 0
    async with peer.channel() as channel:

        async def ask_behind() -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise inner
            await ask(channel)

        peer.scripted.method = ask_behind
        seen = await problem(channel)
    assert (seen.code, seen.reason, seen.field) == ("INVALID_ARGUMENT", "PASSWORD_TOO_SHORT", "password")


async def test_a_service_behind_that_is_away_is_unavailable(peer: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away_at = f"127.0.0.1:{free.getsockname()[1]}"
        async with open_channel(away_at, tls=tls_of("provisioning"), peer="edge") as away, peer.channel() as channel:

            async def ask_behind() -> None:
                await ask(away)

            peer.scripted.method = ask_behind
            seen = await problem(channel)
    assert (seen.code, seen.reason) == ("UNAVAILABLE", "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize(
    ("key", "principal"),
    [
        ("operator", Principal("operator", Role.OPERATOR, source="127.0.0.1")),
        ("", Principal("service:provisioning-eu", Role.SERVICE, service="provisioning", source="127.0.0.1")),
        ("tk_acme", Principal("tenant:acme/key:k1", Role.TENANT, authentication.TenantId("acme"), source="127.0.0.1")),
    ],
)
async def test_a_method_knows_its_caller(peer: Any, key: str, principal: Principal) -> None:
    seen = []

    async def method() -> None:
        seen.append(authentication.current())

    peer.scripted.method = method
    async with peer.channel(key) as channel:
        await ask(channel)
    assert seen == [principal]


async def test_concurrent_callers_are_not_mixed_up(peer: Any) -> None:
    both = asyncio.Barrier(2)
    seen = []

    async def method() -> None:
        before = authentication.current()
        await both.wait()
        assert authentication.current() == before
        seen.append(before.role)

    peer.scripted.method = method
    async with peer.channel("operator") as one, peer.channel("tk_acme") as other:
        await asyncio.gather(ask(one), ask(other))
    assert set(seen) == {Role.OPERATOR, Role.TENANT}


async def test_a_caller_without_a_valid_key_reaches_no_method(peer: Any) -> None:
    seen = []

    async def method() -> None:
        seen.append(1)

    peer.scripted.method = method
    async with peer.channel("wrong") as channel, peer.channel(kind="client") as bare:
        assert (await problem(channel)).code == "UNAUTHENTICATED"
        assert (await problem(bare)).message.startswith("no API key")
    assert seen == []


async def test_a_method_that_is_not_for_a_service_is_not_run_for_it(peer: Any) -> None:
    seen = []

    async def method() -> None:
        seen.append(1)

    peer.scripted.method = method
    async with peer.channel(kind="edge") as edge, peer.channel("operator", kind="edge") as with_key, peer.channel() as provisioning:
        refused = await problem(edge)
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "SERVICE_NOT_ALLOWED")
        assert (await problem(with_key)).reason == "SERVICE_NOT_ALLOWED", "a key makes no more of a service than it is"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in provisioning_pb2_grpc.ProvisioningServiceStub(provisioning).TailEvents(provisioning_pb2.TailEventsRequest()):
                seen.append(2)
    assert decode_status(caught.value).reason == "SERVICE_NOT_ALLOWED"
    assert seen == []


async def test_the_actor_that_a_service_acts_for_arrives(peer: Any) -> None:
    seen = []

    async def method() -> None:
        seen.append(authentication.current().actor)

    peer.scripted.method = method
    async with peer.channel() as channel:
        await ask(channel, metadata=on_behalf_of("tenant:acme/key:k1"))
    assert seen == ["tenant:acme/key:k1"]


async def test_a_trace_goes_on_in_the_service(peer: Any) -> None:
    seen = []

    async def method() -> None:
        seen.append(telemetry.trace_id())

    peer.scripted.method = method
    async with peer.channel() as channel:
        with telemetry.span("test"):
            sent = telemetry.trace_id()
            await ask(channel)
        await ask(channel)
    assert seen[0] == sent
    assert len(seen[1]) == 32
    assert seen[1] != sent


async def test_health_needs_no_key_and_follows_set_serving(peer: Any) -> None:
    async with peer.channel(kind="client") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        states = []
        for is_serving in (False, True, False):
            if is_serving or states:
                await peer.server.set_serving(is_serving)
            states.append((await stub.Check(health_pb2.HealthCheckRequest())).status)
    response = health_pb2.HealthCheckResponse
    assert states == [response.NOT_SERVING, response.SERVING, response.NOT_SERVING]


async def test_a_call_without_a_deadline_of_its_own_ends(peer: Any) -> None:
    async def method() -> None:
        await asyncio.Event().wait()

    peer.scripted.method = method
    async with peer.channel(deadline_s=0.2) as channel:
        began = time.monotonic()
        assert (await problem(channel)).code == "DEADLINE_EXCEEDED"
    assert time.monotonic() - began < 3


async def test_the_server_ends_a_method_that_no_deadline_of_the_caller_bounds(peer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "UNARY_LIMIT_S", 0.1)

    async def method() -> None:
        await asyncio.Event().wait()

    peer.scripted.method = method
    async with peer.channel() as channel:
        seen = await problem(channel, timeout=20)
    assert (seen.code, seen.reason) == ("DEADLINE_EXCEEDED", "TIMEOUT")


async def test_a_waiting_call_meets_a_server_that_starts_later(peer: Any) -> None:
    address = peer.address
    await peer.server.stop()
    async with peer.channel(is_waiting=True) as channel:
        call = asyncio.ensure_future(ask(channel))
        second = GrpcServer(address, tls_of("edge"), peer.authenticator)
        edge_pb2_grpc.add_EdgeServiceServicer_to_server(peer.scripted, second.grpc)
        await second.start()
        try:
            assert (await call).position == 7
        finally:
            await second.stop()


async def test_the_first_call_reaches_a_peer_whose_handshake_takes_longer_than_the_first_backoff(peer: Any) -> None:
    async with tcp_proxy(int(peer.address.rpartition(":")[2])) as far:
        # Two pieces at least, the peer's half of the handshake and its SETTINGS.
        far.answer_delay_s = 0.3
        async with open_channel(f"127.0.0.1:{far.port}", tls=tls_of("provisioning", "provisioning-eu"), peer="edge") as channel:
            assert (await ask(channel, timeout=30)).position == 7


async def test_an_address_in_use_is_named(peer: Any) -> None:
    second = GrpcServer(peer.address, tls_of("edge"), peer.authenticator)
    with pytest.raises(OSError, match=peer.address):
        await second.start()
