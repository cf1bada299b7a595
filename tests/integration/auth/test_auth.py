"""The auth service through kills, lost files and a log that is away: a process of its own on a real log, with real digests."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shutil
from pathlib import Path

from helpers.auth import ACCOUNT, HASHES, PASSWORD, AuthClient, Provisioned, call, make_trunk
from helpers.nats import NatsServer
from helpers.service import REALM, ServiceProcess

from trunkline.domain.commands import ChangeAccountCredential, RemoveAccount
from trunkline.domain.events import Position


async def test_a_new_password_counts_at_its_position_and_the_old_one_no_more(client: AuthClient, provisioned: Provisioned) -> None:
    trunk = await make_trunk(client, provisioned)
    await client.set_credential("c2", "another password")
    position = await provisioned.write(ChangeAccountCredential(trunk.tenant, "OUT", ACCOUNT, "c2"))
    assert (await call(client, trunk, "another password", position=position)).outcome == "admit"
    assert (await call(client, trunk)).reason == "T204"


async def test_neither_password_nor_ha1_is_on_disk_in_the_stream_or_in_the_log(
    client: AuthClient, provisioned: Provisioned, auth: ServiceProcess, tmp_path: Path
) -> None:
    trunk = await make_trunk(client, provisioned)
    assert (await call(client, trunk)).outcome == "admit"
    assert await auth.stop() == 0
    needles = {"the password": PASSWORD.encode()}
    for name in HASHES.values():
        ha1 = hashlib.new(name, f"31000000:{REALM}:{PASSWORD}".encode()).digest()
        needles |= {f"{name} raw": ha1, f"{name} hex": ha1.hex().encode(), f"{name} base64": base64.b64encode(ha1).rstrip(b"=")}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in files}
    assert any(b"31000000" in content for path, content in contents.items() if "store" in path.parts), "the stream is among the files"
    assert any(path.name == "keys.sqlite" for path in files)
    for path, content in contents.items():
        for what, needle in needles.items():
            assert needle not in content, f"{what} in {path}"


async def test_after_a_kill_keys_and_secrets_are_the_same(auth: ServiceProcess, client: AuthClient, provisioned: Provisioned) -> None:
    trunk = await make_trunk(client, provisioned)
    before = await client.keys()
    await auth.kill()
    await auth.start()
    async with AuthClient(auth) as again:
        assert await again.keys() == before
        assert (await call(again, trunk)).outcome == "admit"


async def test_with_every_file_but_the_keys_deleted_it_answers_the_same(
    auth: ServiceProcess, client: AuthClient, provisioned: Provisioned
) -> None:
    trunk = await make_trunk(client, provisioned)
    assert await auth.stop() == 0
    for path in auth.state_dir.iterdir():
        if not path.name.startswith("keys.sqlite"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    await auth.start()
    async with AuthClient(auth) as again:
        assert (await call(again, trunk)).outcome == "admit"


async def test_without_its_key_store_accounts_stay_and_admit_nobody(
    auth: ServiceProcess, client: AuthClient, provisioned: Provisioned
) -> None:
    trunk = await make_trunk(client, provisioned)
    assert await auth.stop() == 0
    for path in auth.state_dir.glob("keys.sqlite*"):
        path.unlink()
    await auth.start()
    async with AuthClient(auth) as again:
        assert (await again.authorize(host=trunk.host, source="192.0.2.7", min_position=trunk.position)).outcome == "challenge"
        assert (await call(again, trunk)).outcome == "refuse"


async def test_with_the_log_away_it_starts_and_authorizes_from_its_replica(
    auth: ServiceProcess, client: AuthClient, provisioned: Provisioned, nats_server: NatsServer
) -> None:
    trunk = await make_trunk(client, provisioned)
    assert (await call(client, trunk)).outcome == "admit"
    assert await auth.stop() == 0
    await nats_server.kill()
    await auth.start()
    async with AuthClient(auth) as again:
        assert (await call(again, trunk)).outcome == "admit"
        problem = await again.problem(again.set_credential("c2", PASSWORD))
        assert (problem.code, problem.reason) == ("UNAVAILABLE", "LOG_UNAVAILABLE")
        await nats_server.start()
        assert (await again.set_credential("c2", PASSWORD)).position > trunk.position


async def test_a_credential_that_no_account_names_is_swept_and_others_are_not(client: AuthClient, provisioned: Provisioned) -> None:
    trunk = await make_trunk(client, provisioned)
    await client.set_credential("orphan", PASSWORD, username="32000000")
    await provisioned.state.catch_up()
    directory = provisioned.state.directory
    assert {name for _, name in directory.credentials} == {"c1", "orphan"}
    await _until_credentials(provisioned, {"c1"})
    await provisioned.write(RemoveAccount(trunk.tenant, "OUT", ACCOUNT))
    await _until_credentials(provisioned, set())


async def _until_credentials(provisioned: Provisioned, expected: set[str]) -> None:
    async with asyncio.timeout(15):
        while {name for _, name in provisioned.state.directory.credentials} != expected:
            await provisioned.state.replica.wait_covered(Position(provisioned.state.replica.covered + 1), 15)
