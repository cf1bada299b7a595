"""What a tenant is told of its webhook: how it goes, and the secret."""

from __future__ import annotations

from trunkline.api.records.v1 import records_pb2 as pb
from trunkline.domain.errors import failed_precondition, not_found
from trunkline.records.webhook_queue import WebhookQueue
from trunkline.records.webhooks import FindWebhook, Signing, Webhooks


class WebhookFace:
    """`signing` is None where the operator sends no records, `webhooks` where another region's process does."""

    def __init__(self, queue: WebhookQueue, find: FindWebhook, signing: Signing | None, webhooks: Webhooks | None) -> None:
        self._queue = queue
        self._find = find
        self._signing = signing
        self._webhooks = webhooks

    async def get(self, tenant: str) -> pb.GetWebhookResponse:
        """Raises Refusal."""
        self._signed()
        if self._webhooks is None:
            raise failed_precondition("NOT_AT_HOME", "Records are sent by the home region's records service.", "Ask that one.")
        totals, health = await self._queue.totals(tenant), self._webhooks.health(tenant)
        answer = pb.GetWebhookResponse(
            url=self._find(tenant).url,
            waiting=totals.waiting,
            delivered_total=totals.delivered,
            dropped_total=totals.dropped,
            failures=health.failures,
            problem=health.problem,
        )
        if totals.last_s:
            answer.last_delivery_time.FromSeconds(totals.last_s)
        if health.next_s:
            answer.next_try_time.FromMilliseconds(int(health.next_s * 1000))
        return answer

    def secret(self, tenant: str) -> str:
        """Raises Refusal."""
        webhook, signing = self._find(tenant), self._signed()
        if not webhook.url:
            raise not_found("NO_WEBHOOK", "tenant", "Records are sent nowhere.", "Say where first: SetWebhook.")
        return signing.secret(tenant, webhook.generation)

    def _signed(self) -> Signing:
        if self._signing is None:
            text = "The operator sends no records: this service has no key to sign them with."
            raise failed_precondition("WEBHOOKS_OFF", text, "Name one: webhook_key_file of the settings of records.")
        return self._signing
