"""BIND 9 of Debian as the primary server of a zone, as an ordinary process in a folder of its own: the example of docs/dns.md."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.asyncquery
import dns.message
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update
import dns.zone
import pytest

from trunkline.dns.dynamic_update import read_key

HOST = "127.0.0.1"
START_LIMIT_S = 20.0
LIMIT_S = 10.0
_LOOK_S = 0.02

CONFIGURATION = """include "{folder}/trunkline.key";
options {{
  directory "{folder}";
  pid-file "{folder}/named.pid";
  session-keyfile "{folder}/session.key";
  managed-keys-directory "{folder}";
  listen-on port {port} {{ {host}; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  notify no;
  allow-query {{ any; }};
}};
controls {{ }};
zone "{realm}" {{
  type primary;
  file "{folder}/zone";
  journal "{folder}/zone.jnl";
  allow-update {{ key "trunkline"; }};
  allow-transfer {{ key "trunkline"; }};
}};
"""
ZONE = """$TTL 3600
@ IN SOA ns1 hostmaster 1 60 10 604800 30
@ IN NS ns1
ns1 IN A {host}
www IN A 192.0.2.80
"""


@dataclass
class Bind:
    folder: Path
    port: int
    realm: str
    process: asyncio.subprocess.Process | None = None

    @property
    def key_file(self) -> Path:
        return self.folder / "trunkline.key"

    @property
    def key(self) -> dns.tsig.Key:
        return read_key(self.key_file)

    async def prepare(self) -> None:
        """Key, configuration and a zone with a record that is nobody's business."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made = await asyncio.create_subprocess_exec(_program("tsig-keygen"), "trunkline", stdout=asyncio.subprocess.PIPE)
        output, _ = await asyncio.wait_for(made.communicate(), LIMIT_S)
        assert made.returncode == 0
        self.key_file.write_bytes(output)
        words = {"folder": self.folder, "port": self.port, "host": HOST, "realm": self.realm}
        (self.folder / "named.conf").write_text(CONFIGURATION.format(**words))
        (self.folder / "zone").write_text(ZONE.format(host=HOST))

    async def start(self) -> None:
        with (self.folder / "named.log").open("ab") as log:
            command = [_program("named"), "-g", "-n", "1", "-c", str(self.folder / "named.conf")]
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        async with asyncio.timeout(START_LIMIT_S):
            while not await self._answers():
                assert self.process.returncode is None, (self.folder / "named.log").read_text()
                await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await asyncio.wait_for(self.process.wait(), LIMIT_S)

    async def _answers(self) -> bool:
        try:
            return bool((await self.ask(self.realm, "SOA")).answer)
        except OSError:
            return False

    async def ask(self, name: str, kind: str) -> dns.message.Message:
        return await dns.asyncquery.tcp(dns.message.make_query(name, kind), HOST, port=self.port, timeout=LIMIT_S)

    async def texts(self, name: str, kind: str) -> list[str]:
        """Records of that name and type, sorted."""
        response = await self.ask(name, kind)
        return sorted(record.to_text() for rrset in response.answer for record in rrset)

    def zone(self) -> dns.zone.Zone:
        """All of it, by transfer."""
        zone = dns.zone.Zone(self.realm, relativize=False)
        query = dns.message.make_query(self.realm, "AXFR")
        query.use_tsig(self.key)
        dns.query.inbound_xfr(HOST, zone, query, port=self.port, timeout=LIMIT_S)
        return zone

    async def change(self, update: dns.update.UpdateMessage) -> None:
        """What somebody else does to the zone."""
        response = await dns.asyncquery.tcp(update, HOST, port=self.port, timeout=LIMIT_S)
        assert response.rcode() == 0, response

    def update(self) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(self.realm, keyring=self.key)


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        pytest.skip(f"{name} is not installed: `make debian` installs it (bind9)")
    return found


@asynccontextmanager
async def running(folder: Path, port: int, realm: str) -> AsyncIterator[Bind]:
    bind = Bind(folder, port, realm)
    await bind.prepare()
    try:
        await bind.start()
        yield bind
    finally:
        await bind.stop()
