"""Challenges that nobody answered, as a page tells them: a line for each source and domain."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.unanswered import by_source


def row(minute: int, source: str, number: int, *edges: str, domain: str = "acme") -> records_pb2.Unrecorded:
    return records_pb2.Unrecorded(
        minute_time=Timestamp(seconds=60 * minute), source=source, domain=domain, tenant="t", number=number, edges=edges
    )


def test_minutes_of_a_source_at_a_domain_are_one_line_with_all_its_points_of_presence() -> None:
    rows = [
        row(9, "192.0.2.1", 2, "edge-eu1"),
        row(9, "192.0.2.2", 1, "edge-gone"),
        row(8, "192.0.2.1", 3, "edge-us1", "edge-eu1"),
        row(7, "192.0.2.1", 1, "edge-us1", domain="globex"),
        row(10, "others", 40, "edge-eu1", domain=""),
    ]
    acme = pb.Domain(label="acme", digest_algorithms=["SHA-256", "MD5"], challenge_status=401)
    found = by_source(rows, {"edge-eu1": "eu1", "edge-us1": "us1"}, {"acme": acme})
    assert [(each.source, each.domain, each.number, list(each.pops), each.last.seconds // 60) for each in found] == [
        ("", "", 40, ["eu1"], 10),
        ("192.0.2.1", "acme", 5, ["eu1", "us1"], 9),
        ("192.0.2.2", "acme", 1, ["edge-gone"], 9),
        ("192.0.2.1", "globex", 1, ["us1"], 7),
    ]
    assert (list(found[1].offered), found[1].status, list(found[3].offered)) == (["SHA-256", "MD5"], 401, [])
    assert found[1].words == ["call", "unrecorded", "--domain", "acme", "--source", "192.0.2.1"]
    assert found[0].words == ["call", "unrecorded"]


def test_one_address_at_one_name_of_two_tenants_is_two_lines() -> None:
    mine, other = row(9, "192.0.2.1", 2, "edge-eu1"), row(9, "192.0.2.1", 3, "edge-eu1")
    other.tenant = "u"
    assert sorted(each.number for each in by_source([mine, other], {}, {})) == [2, 3]
