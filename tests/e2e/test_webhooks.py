"""A call's record arrives where its tenant wants it, signed with the secret that the tenant is shown."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from helpers.platform import Platform, wait_for
from helpers.receiver import Received, receiving


@pytest.fixture
def received() -> Iterator[Received]:
    with receiving(refusals=1) as made:
        yield made


def test_a_calls_record_is_sent_again_until_it_is_taken_and_its_signature_is_the_tenants(platform: Platform, received: Received) -> None:
    assert platform.cli("webhook", "secret", check=False).returncode == 3, "records are sent nowhere yet"
    made = platform.json("webhook", "set", received.url)
    assert made["result"]["webhook_url"] == received.url
    try:
        secret = platform.json("webhook", "secret")["secret"]
        # Records hears of the address by the log, as every other process.
        wait_for("records knows the address", lambda: platform.json("webhook", "show")["url"] == received.url)
        placed = platform.json("call", "place", "+31201234100", "--as", "acme/31000000", "--hold", "50ms")

        def calls() -> dict[str, tuple[dict[str, str], bytes]]:
            return {row["sip_call_id"]: (headers, body) for headers, body in received.taken for row in json.loads(body)["records"]}

        headers, body = wait_for("the record arrives", lambda: calls().get(placed["sip_call_id"]), every_s=0.2)
        assert received.refusals == 0 and headers["Content-Type"] == "application/json"
        fields = dict(part.split("=") for part in headers["Trunkline-Signature"].split(","))
        assert fields["v1"] == hmac.new(secret.encode(), f"{fields['t']}.".encode() + body, hashlib.sha256).hexdigest()
        [record] = [row for row in json.loads(body)["records"] if row["sip_call_id"] == placed["sip_call_id"]]
        assert (record["tenant"], record["outcome"], record["number"]) == ("acme", "answered", "+31201234100")
        wait_for("nothing waits", lambda: platform.json("webhook", "show")["waiting"] == 0)
        assert platform.json("webhook", "show")["delivered_total"] >= 1
        assert platform.json("webhook", "set", received.url, "--new-secret")["receipt"]["position"]
        wait_for("another secret", lambda: platform.json("webhook", "secret")["secret"] != secret)
    finally:
        platform.cli("webhook", "remove")
    assert "nowhere" in wait_for("nothing is sent", lambda: platform.cli("webhook", "show").stdout if not _url(platform) else None)
    for url in ("http://user@127.0.0.1/", "ftp://127.0.0.1/", "https://127.1/"):
        assert platform.cli("webhook", "set", url, check=False).returncode == 1


def _url(platform: Platform) -> str:
    return str(platform.json("webhook", "show")["url"])
