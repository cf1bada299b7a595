"""What an edge is told that cannot decide itself: how to challenge, whom to admit, why not, and by whom it is not told anything."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import grpc.aio
import pytest
from helpers.auth import ACCOUNT, AuthClient, Provisioned, call, make_trunk
from helpers.nats import NatsServer
from helpers.service import REALM, ServiceProcess

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.auth.kek import load_or_create_kek
from trunkline.auth.key_set import TenantKey
from trunkline.auth.key_store import KeyStore, key_id_of
from trunkline.domain.commands import SetDigestPolicy

ANSWER_LIMIT_S = 10.0


async def test_a_challenge_says_how_and_an_admission_by_what(client: AuthClient, provisioned: Provisioned, auth: ServiceProcess) -> None:
    trunk = await make_trunk(client, provisioned)
    position = await provisioned.write(SetDigestPolicy(trunk.tenant, trunk.tenant, ("SHA-256", "MD5"), 401, is_qop_optional=True))
    async with auth.channel_of("edge") as channel:
        stub = AuthServiceStub(channel)

        async def asked(**fields: object) -> auth_pb2.AuthorizeResponse:
            request = auth_pb2.AuthorizeRequest(host=trunk.host, source="192.0.2.7", number="31201234567", **fields)  # type: ignore[arg-type]
            return await stub.Authorize(request)

        challenge = await asked(min_position=position)
        assert (challenge.outcome, list(challenge.algorithms)) == ("challenge", ["SHA-256", "MD5"])
        assert (challenge.challenge_status, challenge.is_qop_optional, challenge.is_stale) == (401, True, False)
        assert challenge.digest_algorithm == ""
        refused = await stub.Authorize(auth_pb2.AuthorizeRequest(host=trunk.host, source="203.0.113.9"))
        assert (refused.outcome, refused.reason) == ("refuse", "T203")
        assert "203.0.113.9" in refused.facts
        assert (refused.tenant, refused.domain) == (trunk.tenant, trunk.tenant)
        unknown = await stub.Authorize(auth_pb2.AuthorizeRequest(host=f"nobody.{REALM}", source="203.0.113.9"))
        assert (unknown.reason, unknown.tenant, list(unknown.algorithms)) == ("T201", "", [])
    admitted = await call(client, trunk, algorithm="SHA-256", position=position)
    assert (admitted.outcome, admitted.account, admitted.digest_algorithm) == ("admit", ACCOUNT, "SHA-256")


async def test_an_edge_is_given_the_keys_of_sixty_thousand_tenants(nats_server: NatsServer, tmp_path: Path) -> None:
    auth = ServiceProcess("auth", tmp_path, nats_server, kek_file=tmp_path / "kek", pops=["eu1"])
    store = KeyStore(auth.state_dir / "keys.sqlite", load_or_create_kek(tmp_path / "kek"))
    keys = [number.to_bytes(32, "big") for number in range(60_000)]
    store.take([TenantKey(f"tenant{number}", key_id_of(1, key), key) for number, key in enumerate(keys)], now_s=0)
    store.close()
    await nats_server.kill()
    try:
        await auth.start(is_awaited=False)
        async with auth.channel_of("edge") as channel:
            answer = await AuthServiceStub(channel).FetchKeys(auth_pb2.FetchKeysRequest(), timeout=ANSWER_LIMIT_S)
        assert {key.key for key in answer.tenant_keys} == set(keys)
    finally:
        await auth.kill()


async def test_an_auth_that_does_not_know_enough_lets_another_be_asked(nats_server: NatsServer, tmp_path: Path) -> None:
    cold = ServiceProcess("auth", tmp_path, nats_server, kek_file=tmp_path / "kek", pops=["eu1"])
    await nats_server.kill()
    try:
        await cold.start(is_awaited=False)
        async with cold.channel_of("edge") as channel:
            stub = AuthServiceStub(channel)
            keys = await stub.FetchKeys(auth_pb2.FetchKeysRequest(), timeout=ANSWER_LIMIT_S)
            assert [key.is_current for key in keys.nonce_keys] == [True], "keys are no matter of the log"
            began = time.monotonic()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Authorize(auth_pb2.AuthorizeRequest(host=f"acme.{REALM}", source="192.0.2.7"), timeout=ANSWER_LIMIT_S)
            assert time.monotonic() - began < 1
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert "another region's" in (caught.value.details() or "")
    finally:
        await cold.kill()
