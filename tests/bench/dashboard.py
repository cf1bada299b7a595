"""The dashboard of a platform whose records service holds a million records: how long a page lets its reader wait for its first byte.

The records are made as in `records.py` and put where the service looks while it is held; the tenant of nine tenths of them signs in, and
asks over one connection that stays open, then over four at once. After that the live page under 200 calls a second (`live.py`).
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import filling
import live
import pages
import servers
from edge import TENANT, Bench
from figures import Row, percentile
from helpers.platform import wait_for
from helpers.platform_grpc import channel
from options import Options

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

ASKED: Final = 100
"""Times each question is asked, over each number of connections."""
AT_ONCE: Final = (1, 4)
RECORDS: Final = "records-eu"
FILES: Final = ("records.sqlite", "records.sqlite-wal", "records.sqlite-shm")

_CALL: Final = re.compile(r'href="/calls/([0-9a-f]{32})"')
_NUMBER: Final = re.compile(r"\+[0-9]{6,15}")
_NEXT: Final = re.compile(r'href="(/calls\?[^"]*)" rel="next"')

Ask = Callable[[random.Random], str]
"""A path to ask for."""


def measure(options: Options) -> list[Row]:
    with servers.platform(options.folder, is_alone=False) as bench:
        filled_s = _fill(bench, asyncio.run(_domains(bench)), options.records)
        cookie = pages.sign_in(str(bench.platform.local["dashboard"]), bench.api_key)
        rows = [{"page": f"(filled in {filled_s:.0f} s)", "asked": options.records}, *_pages(bench, cookie)]
        return [*rows, *live.rows(bench, options, cookie)]


async def _domains(bench: Bench) -> int:
    """Those that the records are of; the position of the log then."""
    async with channel(bench.platform, "provisioning-eu") as opened:
        stub = ProvisioningServiceStub(opened)
        for label in (*filling.DOMAINS, filling.RARE_DOMAIN):
            await stub.CreateDomain(p.CreateDomainRequest(tenant=TENANT, label=label))
            attached = await stub.AttachAcl(p.AttachAclRequest(tenant=TENANT, label=label, acl="IP"))
    return int(attached.receipt.position)


def _fill(bench: Bench, position: int, records: int) -> float:
    """Seconds. The service finds the file as one that it wrote, and reads its stream from the beginning."""
    folder = bench.platform.state / "data" / RECORDS
    pops = tuple(bench.platform.local["pops"])
    with bench.platform.held(RECORDS):
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        took_s = filling.fill(folder / FILES[0], calls=records, tenant=TENANT, until_s=int(time.time()), position=position, pops=pops)
    return took_s


def _pages(bench: Bench, cookie: str) -> list[Row]:
    base = str(bench.platform.local["dashboard"])
    reader = pages.Reader(base, cookie)
    wait_for("the calls page has records", lambda: _CALL.search(reader.get("/calls").text), timeout_s=30)
    questions = _questions(reader)
    reader.close()
    found = []
    for name, ask in questions.items():
        for at_once in AT_ONCE:
            row: Row = {"page": name, "at_once": at_once} | _timed(base, cookie, ask, at_once)
            found.append(row)
            print(f"  {row}", flush=True)
    return found


def _questions(reader: pages.Reader) -> dict[str, Ask]:
    """About calls and numbers of the first pages, and of the pages that follow a rarer filter."""
    calls: list[str] = []
    numbers: list[str] = []
    further: list[str] = []
    for start in ("/calls", "/calls?outcome=failed", f"/calls?domain={filling.RARE_DOMAIN}", "/calls?outcome=refused"):
        path = start
        for _ in range(5):
            text = reader.get(path).text
            calls += _CALL.findall(text)
            numbers += _NUMBER.findall(text)
            following = _NEXT.search(text)
            if following is None:
                break
            path = following[1].replace("&amp;", "&")
            further.append(path)
    domain, reason = filling.DOMAINS, filling.REASONS
    return {
        "calls": lambda _: "/calls",
        "calls, a page further on": lambda chance: chance.choice(further),
        "calls, outcome": lambda chance: f"/calls?outcome={chance.choice(('answered', 'failed', 'refused', 'cancelled'))}",
        "calls, number": lambda chance: f"/calls?number={quote(chance.choice(numbers))}",
        "calls, prefix": lambda chance: f"/calls?number={quote('+' + chance.choice(filling.PREFIXES))}*",
        "calls, domain": lambda chance: f"/calls?domain={chance.choice(domain)}",
        "calls, rare domain": lambda _: f"/calls?domain={filling.RARE_DOMAIN}",
        "calls, domain and reason": lambda chance: f"/calls?domain={chance.choice(domain)}&reason={chance.choice(reason)}",
        "calls, a day": lambda _: "/calls?since=24h",
        "calls, a day, domain, outcome": lambda chance: f"/calls?since=24h&domain={chance.choice(domain)}&outcome=failed",
        "calls, nothing fits": lambda chance: f"/calls?outcome=refused&carrier={chance.choice(filling.CARRIERS)}",
        "a call": lambda chance: f"/calls/{chance.choice(calls)}",
        "usage, a day by hour": lambda _: "/usage",
        "usage, 7 days by hour": lambda _: "/usage?span=7d",
        "usage, 7 days by hour, domain": lambda chance: f"/usage?span=7d&domain={chance.choice(domain)}",
        "usage, 30 days by day": lambda _: "/usage?span=30d",
        "overview": lambda _: "/",
    }


def _timed(base: str, cookie: str, ask: Ask, at_once: int) -> Row:
    """Milliseconds, over so many connections at once, each with its share of the questions."""
    answers: list[pages.Answer] = []

    def share(seed: int) -> None:
        chance = random.Random(seed)
        reader = pages.Reader(base, cookie)
        for _ in range(ASKED // at_once):
            answers.append(reader.get(ask(chance)))
        reader.close()

    threads = [threading.Thread(target=share, args=(seed,)) for seed in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(answers) < ASKED // at_once * at_once:
        raise RuntimeError("a page failed, see above")
    row: Row = {f"first_byte_ms_p{share}": percentile([each.first_ms for each in answers], share) for share in (50, 99)}
    return row | {"whole_ms_p50": percentile([each.whole_ms for each in answers], 50), "kib": len(answers[0].text) >> 10}
