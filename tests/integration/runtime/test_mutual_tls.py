"""Who gets a connection, and as whom: certificates of both sides, over real sockets."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from helpers.authority import table_of, tls_of

from trunkline.api.auth.v1 import auth_pb2, auth_pb2_grpc
from trunkline.api.edge.v1 import edge_pb2, edge_pb2_grpc
from trunkline.lab.supervisor.authority import Authority, AuthorityProblem
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.grpc_pool import PeerPool
from trunkline.runtime.tls import TlsProblem, TlsSettings, nats_context


async def code_of(channel: grpc.aio.Channel) -> grpc.StatusCode:
    async with channel:
        try:
            await edge_pb2_grpc.EdgeServiceStub(channel).WaitApplied(edge_pb2.WaitAppliedRequest(), timeout=5)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def issued(folder: Path, kind: str, lifetime_days: float = 90) -> TlsSettings:
    files = Authority.open(folder).issue(kind, f"{kind}-eu", folder, lifetime=timedelta(days=lifetime_days))
    return TlsSettings(ca_file=files.ca_file, cert_file=files.cert_file, key_file=files.key_file)


async def test_a_certificate_of_the_authority_opens_the_way(peer: Any) -> None:
    assert await code_of(open_channel(peer.address, tls=tls_of("provisioning"), peer="edge")) is grpc.StatusCode.OK


async def test_a_certificate_of_another_authority_gets_no_connection(peer: Any, tmp_path: Path) -> None:
    foreign = issued(tmp_path, "edge")
    trusting = TlsSettings(ca_file=tls_of("edge").ca_file, cert_file=foreign.cert_file, key_file=foreign.key_file)
    assert await code_of(open_channel(peer.address, tls=trusting, peer="edge")) is grpc.StatusCode.UNAVAILABLE


async def test_a_caller_without_a_certificate_gets_no_connection(peer: Any) -> None:
    credentials = grpc.ssl_channel_credentials(tls_of("edge").ca_file.read_bytes())
    options = (("grpc.ssl_target_name_override", "edge.trunkline.internal"),)
    assert await code_of(grpc.aio.secure_channel(peer.address, credentials, options=options)) is grpc.StatusCode.UNAVAILABLE
    assert await code_of(grpc.aio.insecure_channel(peer.address)) is grpc.StatusCode.UNAVAILABLE


async def test_a_server_of_another_authority_or_kind_is_not_believed(peer: Any, tmp_path: Path) -> None:
    assert await code_of(open_channel(peer.address, tls=issued(tmp_path, "edge"), peer="edge")) is grpc.StatusCode.UNAVAILABLE
    assert await code_of(open_channel(peer.address, tls=tls_of("provisioning"), peer="auth")) is grpc.StatusCode.UNAVAILABLE


async def test_an_expired_certificate_gets_no_connection(peer: Any, tmp_path: Path) -> None:
    a_minute_ago = timedelta(minutes=-1)
    files = Authority.open(tls_of("edge").ca_file.parent).issue("provisioning", "late", tmp_path, lifetime=a_minute_ago)
    expired = TlsSettings(ca_file=files.ca_file, cert_file=files.cert_file, key_file=files.key_file)
    assert await code_of(open_channel(peer.address, tls=expired, peer="edge")) is grpc.StatusCode.UNAVAILABLE


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    missing = TlsSettings(ca_file=tmp_path / "no-ca.crt", cert_file=tmp_path / "x.crt", key_file=tmp_path / "x.key")
    with pytest.raises(TlsProblem, match=r"no-ca\.crt"):
        open_channel("127.0.0.1:1", tls=missing, peer="edge")
    with pytest.raises(TlsProblem, match=r"no-ca\.crt"):
        nats_context(missing)


def test_certificates_are_kept_and_private_and_renewed_before_they_expire(tmp_path: Path) -> None:
    first = issued(tmp_path, "edge")
    content = first.cert_file.read_bytes()
    assert issued(tmp_path, "edge").cert_file.read_bytes() == content
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
    issued(tmp_path, "edge", lifetime_days=90)
    first.cert_file.unlink()
    old = issued(tmp_path, "edge", lifetime_days=29).cert_file.read_bytes()
    assert issued(tmp_path, "edge").cert_file.read_bytes() != old


def test_an_authority_whose_files_do_not_belong_together_is_refused_and_kept(tmp_path: Path) -> None:
    Authority.open(tmp_path / "one")
    Authority.open(tmp_path / "two")
    (tmp_path / "one" / "ca.key").write_bytes((tmp_path / "two" / "ca.key").read_bytes())
    with pytest.raises(AuthorityProblem, match="restore"):
        Authority.open(tmp_path / "one")


SERVER = """
import asyncio, sys
from pathlib import Path
from trunkline.api.auth.v1 import auth_pb2, auth_pb2_grpc
from trunkline.runtime.authentication import Authenticator
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.tls import TlsSettings

class Auth(auth_pb2_grpc.AuthServiceServicer):
    async def Authorize(self, request, context):
        return auth_pb2.AuthorizeResponse(outcome="admit", reason=sys.argv[1])

async def main():
    tls = TlsSettings(*map(Path, sys.argv[2:5]))
    server = GrpcServer("127.0.0.1:0", tls, Authenticator("0" * 64))
    auth_pb2_grpc.add_AuthServiceServicer_to_server(Auth(), server.grpc)
    print("listens", await server.start(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class AuthProcess:
    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process, self.address = process, address

    @classmethod
    async def start(cls, name: str) -> AuthProcess:
        tls = table_of(tls_of("auth"))
        code = textwrap.dedent(SERVER)
        arguments = [name, tls["ca_file"], tls["cert_file"], tls["key_file"]]
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *arguments, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        async with asyncio.timeout(30):
            async for line in process.stdout:
                if line.startswith(b"listens "):
                    return cls(process, line.decode().split()[1])
        raise AssertionError("the server ended")

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@pytest.fixture
async def two() -> AsyncIterator[tuple[AuthProcess, AuthProcess]]:
    first, second = await asyncio.gather(AuthProcess.start("first"), AuthProcess.start("second"))
    try:
        yield first, second
    finally:
        await first.end()
        await second.end()


async def test_a_pool_asks_the_nearest_then_another_one_and_comes_back(two: tuple[AuthProcess, AuthProcess]) -> None:
    first, second = two
    clock = [0.0]
    pool = PeerPool([first.address, second.address], tls=tls_of("edge"), peer="auth", now=lambda: clock[0])

    async def who() -> str:
        answer = await pool.ask(lambda channel: auth_pb2_grpc.AuthServiceStub(channel).Authorize(auth_pb2.AuthorizeRequest()))
        return str(answer.reason)

    try:
        assert await who() == "first"
        first.signal(signal.SIGSTOP)
        began = time.monotonic()
        assert await who() == "second"
        assert 0.9 < time.monotonic() - began < 3
        began = time.monotonic()
        assert await who() == "second"
        assert time.monotonic() - began < 0.9, "an address that kept silent is not asked first again at once"
        first.signal(signal.SIGCONT)
        clock[0] += 10
        assert await who() == "first"
        await first.end()
        assert await who() == "second"
        await second.end()
        with pytest.raises(grpc.aio.AioRpcError):
            await who()
    finally:
        await pool.close()
