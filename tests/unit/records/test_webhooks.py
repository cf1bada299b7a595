"""Records wait in the transaction that writes them, go in batches and signed, and are held back where they are not taken."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
import stat
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers.waiting import until
from unit.records.test_projection import batch, lines_of_call

from trunkline.domain.events import WebhookSet
from trunkline.domain.webhooks import Address
from trunkline.records import webhook_queue
from trunkline.records.projection import Projection, StreamMessage
from trunkline.records.webhook_queue import MAX_AGE_S, Totals
from trunkline.records.webhook_sending import NotTaken, Sender
from trunkline.records.webhooks import PAUSES_S, Signing, Webhooks

KEY = b"k" * 32
ACME = WebhookSet("https://hooks.example.com/in", 1)


class Receiver(Sender):
    """Takes what is posted, or answers as it is told."""

    def __init__(self) -> None:
        super().__init__((), ssl.create_default_context())
        self.statuses: list[int | NotTaken] = []
        self.taken: list[tuple[Address, dict[str, str], bytes]] = []

    async def post(self, to: Address, headers: Mapping[str, str], body: bytes) -> int:
        status = self.statuses.pop(0) if self.statuses else 200
        if isinstance(status, NotTaken):
            raise status
        if status == 200:
            self.taken.append((to, dict(headers), body))
        return status

    @property
    def calls(self) -> list[list[str]]:
        return [[record["call"] for record in json.loads(body)["records"]] for _, _, body in self.taken]


class Bench:
    def __init__(self, projection: Projection) -> None:
        self.projection = projection
        self.receiver = Receiver()
        self.hooks = {"acme": ACME}
        self.now_s = 1_000.0
        self.sequence = 0
        self.began_ns = time.time_ns()
        self.webhooks = Webhooks(
            projection.webhooks, lambda tenant: self.hooks.get(tenant, WebhookSet()), Signing(KEY), self.receiver, lambda: self.now_s
        )

    async def called(self, *calls: str, facts: int = 5, **attempted: object) -> None:
        for call in calls:
            self.sequence += 1
            lines = lines_of_call(call, self.began_ns + self.sequence * 10_000, **attempted)[:facts]
            await self.projection.apply([StreamMessage(self.sequence, batch(lines))])

    async def sent(self) -> None:
        """All that can go has gone."""
        await self.webhooks.begin()
        tasks = list(self.webhooks._sending.values())
        await asyncio.gather(*tasks)

    async def totals(self, tenant: str = "acme") -> Totals:
        return await self.projection.webhooks.totals(tenant)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    projection = await Projection.open(tmp_path / "records.sqlite")
    yield Bench(projection)  # type: ignore[misc]
    await projection.close()


async def test_whole_records_of_who_wants_them_are_sent_once_the_oldest_first(bench: Bench) -> None:
    await bench.called("c1", "c2")
    await bench.called("open", facts=3)
    await bench.called("other", tenant="beta")
    assert await bench.totals() == Totals(2, 0, 0, 0)
    await bench.sent()
    assert bench.receiver.calls == [["c1", "c2"]]
    await bench.sent()
    assert bench.receiver.calls == [["c1", "c2"]] and await bench.totals() == Totals(0, 2, 0, 1_000)


async def test_a_request_says_whose_records_they_are_and_its_signature_can_be_checked(bench: Bench) -> None:
    await bench.called("c1")
    await bench.sent()
    [(to, headers, body)] = bench.receiver.taken
    assert to == Address(True, "hooks.example.com", 443, "/in")
    assert json.loads(body)["tenant"] == "acme" and json.loads(body)["records"][0]["outcome"] == "answered"
    fields = dict(part.split("=") for part in headers["Trunkline-Signature"].split(","))
    secret = Signing(KEY).secret("acme", 1)
    assert fields == {"t": "1000", "v1": hmac.new(secret.encode(), b"1000." + body, hashlib.sha256).hexdigest()}
    assert len(headers["Trunkline-Delivery"]) == 32


def test_every_tenant_and_generation_has_a_secret_of_its_own_made_of_a_key_that_nobody_else_reads(tmp_path: Path) -> None:
    path = tmp_path / "webhook"
    first, again = Signing.read(path), Signing.read(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secrets = [first.secret(*whose) for whose in (("acme", 1), ("acme", 2), ("beta", 1))]
    assert len(set(secrets)) == 3 and all(each.startswith("whs_") for each in secrets)
    assert again.secret("acme", 1) == secrets[0] != Signing(KEY).secret("acme", 1)
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        Signing.read(path)


@pytest.mark.parametrize("answer", [500, 404, 302, NotTaken("nobody there")])
async def test_what_is_not_taken_is_held_back_longer_each_time_and_then_sent(bench: Bench, answer: Any) -> None:
    await bench.called("c1")
    bench.receiver.statuses = [answer, answer]
    await bench.sent()
    health = bench.webhooks.health("acme")
    assert health.failures == 1 and 0.8 * PAUSES_S[0] <= health.next_s - bench.now_s <= 1.2 * PAUSES_S[0] and health.problem
    await bench.called("c2")
    await bench.sent()
    assert bench.receiver.taken == [], "all of the tenant's wait"
    bench.now_s = health.next_s
    await bench.sent()
    assert bench.webhooks.health("acme").failures == 2 and bench.webhooks.health("acme").next_s - bench.now_s >= 0.8 * PAUSES_S[1]
    bench.now_s = bench.webhooks.health("acme").next_s
    await bench.sent()
    assert bench.receiver.calls == [["c1", "c2"]] and bench.webhooks.health("acme").failures == 0


async def test_a_tenant_that_takes_nothing_holds_up_nobody_else(bench: Bench) -> None:
    bench.hooks["beta"] = WebhookSet("https://other.example/", 1)
    await bench.called("c1")
    await bench.called("b1", tenant="beta")
    bench.receiver.statuses = [500]
    await bench.sent()
    assert [call for calls in bench.receiver.calls for call in calls] in (["b1"], ["c1"])


async def test_large_numbers_go_in_batches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_queue, "MAX_BATCH", 2)
    await bench.called("c1", "c2", "c3", "c4", "c5")
    await bench.sent()
    assert bench.receiver.calls == [["c1", "c2"], ["c3", "c4"], ["c5"]]


async def test_what_waits_is_there_after_a_crash_and_what_changes_is_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    projection = await Projection.open(path)
    bench = Bench(projection)
    await bench.called("c1")
    await projection.close()
    projection = await Projection.open(path)
    again = Bench(projection)
    await again.sent()
    assert again.receiver.calls == [["c1"]]
    again.sequence = 1
    await again.projection.apply(
        [StreamMessage(2, batch([b'{"call":"c1","id":"9-9","time_ns":9,"gateway_tried":{"number":2,"carrier":"beta","gateway":"g"}}\n']))]
    )
    await again.sent()
    assert again.receiver.calls == [["c1"], ["c1"]]
    await projection.close()


async def test_what_changes_while_it_is_sent_waits_again(bench: Bench) -> None:
    await bench.called("c1")
    ids, _ = await bench.projection.webhooks.batch("acme")
    await bench.projection.apply(
        [StreamMessage(2, batch([b'{"call":"c1","id":"9-9","time_ns":9,"gateway_tried":{"number":2,"carrier":"beta","gateway":"g"}}\n']))]
    )
    await bench.projection.webhooks.done("acme", ids, 1)
    assert (await bench.totals()).waiting == 1


async def test_what_is_too_old_or_too_much_goes_and_is_counted_and_what_nobody_wants_any_more_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = bench.projection.webhooks
    await bench.called("c1", "c2", "c3")
    monkeypatch.setattr(webhook_queue, "MAX_WAITING", 2)
    await queue.sweep(0)
    assert await bench.totals() == Totals(2, 0, 1, 0) and [r.call for r in (await queue.batch("acme"))[1]] == ["c2", "c3"]
    await queue.sweep(2**33 + MAX_AGE_S)
    assert await bench.totals() == Totals(0, 0, 3, 0)
    await bench.called("c4")
    bench.hooks.clear()
    await queue.sweep(0)
    assert await bench.totals() == Totals(0, 0, 3, 0)


async def test_a_file_that_is_built_anew_sends_no_calls_of_long_ago(bench: Bench) -> None:
    bench.began_ns -= (MAX_AGE_S + 2 * 86_400) * 10**9
    await bench.called("long-ago")
    bench.began_ns = time.time_ns()
    await bench.called("today")
    await bench.sent()
    assert bench.receiver.calls == [["today"]]


async def test_the_sender_runs_by_itself_and_ends_when_it_is_told(bench: Bench) -> None:
    running = asyncio.create_task(bench.webhooks.run())
    await bench.called("c1")
    await until("the record is sent", lambda: bench.receiver.calls, limit_s=30.0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
