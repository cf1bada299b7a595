"""The password stands in local.json and nowhere else; an HA1 nowhere in the clear."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from contextlib import aclosing
from pathlib import Path

from helpers import sipp
from helpers.platform import Platform, wait_for

from trunkline.eventlog.streams import CALLS_ALL, CONFIG, api_prefix
from trunkline.eventlog.tail import RawTail
from trunkline.runtime.nats_client import connect
from trunkline.runtime.tls import TlsSettings

LISTED = "127.0.0.1"


def test_neither_password_nor_ha1_is_on_disk_or_in_a_stream_or_log(platform: Platform, tmp_path: Path) -> None:
    demo = platform.local["demo"]
    realm = platform.local["realm"]
    host = f"acme.{platform.local['base_domain']}"
    caller = sipp.Caller(host=host, number="+31201140001", username=demo["account"], password=demo["password"])
    sipp.run(tmp_path / "calls", sipp.answered_call(caller), target=platform.edge("eu1"), local_address=LISTED, calls=3).must_succeed(3)
    secret = f"{demo['account']}:{realm}:{demo['password']}".encode()
    needles = {"the password": demo["password"].encode()}
    for name in ("md5", "sha256", "sha512_256"):
        ha1 = hashlib.new(name, secret).digest()
        needles |= {f"{name} raw": ha1, f"{name} hex": ha1.hex().encode(), f"{name} base64": base64.b64encode(ha1).rstrip(b"=")}
    seen = 0
    for path in platform.state.rglob("*"):
        if not path.is_file() or path.name == "local.json":
            continue
        content = path.read_bytes()
        seen += 1
        for what, needle in needles.items():
            assert needle not in content, f"{what} in {path.relative_to(platform.state)}"
    assert seen > 10
    # The streams are compressed on disk: their messages are asked for.
    wait_for("the records of the calls", lambda: len(platform.json("call", "list", "--number", caller.number)) == 3)
    told = asyncio.run(messages(platform))
    assert {subject.partition(".")[0] for subject, _ in told} == {"config", "calls"}
    assert any(demo["account"].encode() in content for _, content in told)
    for subject, content in told:
        for what, needle in needles.items():
            assert needle not in content, f"{what} in {subject}"
    assert demo["password"].encode() in (platform.state / "local.json").read_bytes()
    assert (platform.state / "local.json").stat().st_mode & 0o077 == 0


async def messages(platform: Platform) -> list[tuple[str, bytes]]:
    """Everything that stands in the streams: subject and body, read with the certificates of those who may."""
    found = []
    for process, stream in (("provisioning-eu", CONFIG), ("records-eu", CALLS_ALL)):
        folder = platform.state / "keys" / "tls"
        tls = TlsSettings(ca_file=folder / "ca.crt", cert_file=folder / f"{process}.crt", key_file=folder / f"{process}.key")
        client = await connect(platform.local["nats"]["eu"], tls=tls, name=process)
        try:
            last = (await client.jetstream(domain="eu").stream_info(stream)).state.last_seq
            async with aclosing(RawTail(client, stream, 1, api_prefix=api_prefix("eu")).groups()) as groups:
                async for group in groups:
                    found += [(f"{message.subject} {message.sequence}", message.data) for message in group]
                    if group[-1].sequence >= last:
                        break
        finally:
            await client.close()
    return found
