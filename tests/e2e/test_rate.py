"""A steady load: no call fails, and each has its record. `TRUNKLINE_RATE_SECONDS=60` runs the minute that the project promises."""

from __future__ import annotations

import os
from pathlib import Path

import grpc
import pytest
from helpers import sipp
from helpers.platform import Platform, wait_for

from trunkline.api.records.v1.records_pb2 import GetTotalsRequest
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub

LISTED = "127.0.0.1"
RATE = 200
SECONDS = int(os.environ.get("TRUNKLINE_RATE_SECONDS", "8"))


def totals(platform: Platform) -> tuple[int, int]:
    """Answered records, and all."""
    with grpc.insecure_channel(platform.local["grpc"]["records"]) as channel:
        metadata = (("authorization", f"Bearer {platform.local['operator']['api_key']}"),)
        answer = RecordsServiceStub(channel).GetTotals(GetTotalsRequest(), metadata=metadata, timeout=5)
    return answer.answered, answer.records


@pytest.mark.timeout(SECONDS * 3 + 120)
def test_two_hundred_calls_a_second_with_digest_and_none_fails(platform: Platform, tmp_path: Path) -> None:
    demo = platform.local["demo"]
    host = f"acme.{platform.local['base_domain']}"
    caller = sipp.Caller(host=host, number="+31202020202", username=demo["account"], password=demo["password"])
    before = totals(platform)
    count = RATE * SECONDS
    result = sipp.run(
        tmp_path,
        sipp.answered_call(caller),
        target=platform.edge,
        local_address=LISTED,
        calls=count,
        rate=RATE,
        timeout_s=SECONDS + 60,
        is_logged=False,
        extra=("-l", str(RATE * 10)),
    )
    result.must_succeed(count)
    print(f"{count} calls at {RATE}/s, retransmissions: {result.retransmissions}")
    wait_for(
        "a record for every call",
        lambda: totals(platform)[0] == before[0] + count,
        timeout_s=30,
    )
    assert totals(platform)[1] == before[1] + count
