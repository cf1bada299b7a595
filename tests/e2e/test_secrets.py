"""The password stands in local.json and nowhere else; an HA1 nowhere in the clear."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from helpers import sipp
from helpers.platform import Platform

LISTED = "127.0.0.1"


def test_neither_password_nor_ha1_is_on_disk_or_in_a_stream_or_log(platform: Platform, tmp_path: Path) -> None:
    demo = platform.local["demo"]
    realm = platform.local["realm"]
    host = f"acme.{platform.local['base_domain']}"
    caller = sipp.Caller(host=host, number="+31201140001", username=demo["account"], password=demo["password"])
    sipp.run(tmp_path / "calls", sipp.answered_call(caller), target=platform.edge, local_address=LISTED, calls=3).must_succeed(3)
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
    assert demo["password"].encode() in (platform.state / "local.json").read_bytes()
    assert (platform.state / "local.json").stat().st_mode & 0o077 == 0
