"""What home's stream of call facts says of its sources."""

from __future__ import annotations

import json

import pytest

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.provisioning.calls_links import CallsLink, parse_links
from trunkline.provisioning.replicas import add_links

INFO = {
    "type": "io.nats.jetstream.api.v1.stream_info_response",
    "sources": [
        {"name": "CALLS", "lag": 0, "active": 1_500_000_000},
        {"name": "CALLS", "external": {"api": "$JS.us.API", "deliver": ""}, "lag": 17, "active": 250_000_000},
        {"name": "CALLS", "external": {"api": "$JS.apac.API", "deliver": ""}, "lag": 0, "active": -1},
    ],
}


def test_every_region_has_its_lag_and_when_it_was_last_heard_of() -> None:
    links = parse_links(json.dumps(INFO).encode(), "eu")
    assert links == {"eu": CallsLink(0, 1.5), "us": CallsLink(17, 0.25), "apac": CallsLink(0, None)}
    regions = [pb.Region(name=name) for name in ("eu", "us", "apac", "elsewhere")]
    add_links(regions, links)
    assert [(row.HasField("calls_lag"), row.calls_lag, row.HasField("calls_age_s")) for row in regions] == [
        (True, 0, True),
        (True, 17, True),
        (True, 0, False),
        (False, 0, False),
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"error": {"code": 404}}', b'{"sources": null}', b'{"sources": [1, {"external": {}}, {"lag": "x"}]}', b" " * (2 << 20)],
)
def test_an_answer_that_is_none_says_nothing(body: bytes) -> None:
    assert parse_links(body, "eu") == {}
