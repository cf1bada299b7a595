"""Where replicas stand: by their word, by an edge's answer, and which one holds something else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.provisioning.replicas import FORGOTTEN_S, MAX_PROCESSES, SILENT_S, ReplicaBook, listed, of_edge
from trunkline.runtime.replica_report import MAX_BYTES, ReplicaReport, encode_report, parse_report

REPORT = ReplicaReport("auth-us", "us", "epoch-1", 7, "ab" * 16, 0, 0.25, True, True, False)


def told(*reports: ReplicaReport, edges: tuple[pb.Pop, ...] = (), later_s: float = 0.0) -> pb.ListReplicasResponse:
    book = ReplicaBook()
    for report in reports:
        book.hear(report, 100.0)
    return listed([*book.replicas(100.0 + later_s), *map(of_edge, edges)], "eu", ["us", "apac"], epoch="epoch-1", head=9)


def edge(**changed: Any) -> pb.Pop:
    facts = {"name": "us1", "region": "us", "edge": "edge-us1", "state": "READY", "position": 7, "digest": "ab" * 16, "age_s": 0.5}
    return pb.Pop(**{"is_log_connected": True, "is_reachable": True, **facts, **changed})


def test_who_is_expected_and_was_never_heard_is_silent_until_its_first_word() -> None:
    book = ReplicaBook({"auth-us": "us", "dns-us": "us"})
    answer = listed(book.replicas(100.0), "eu", [], epoch="epoch-1", head=9)
    assert [(each.process, each.state, each.heard_s) for each in answer.replicas] == [("auth-us", "silent", -1), ("dns-us", "silent", -1)]
    assert [(each.name, each.replicas, each.following) for each in answer.regions] == [("eu", 0, 0), ("us", 2, 0)]
    book.hear(REPORT, 100.0)
    answer = listed(book.replicas(101.0), "eu", [], epoch="epoch-1", head=9)
    assert [(each.process, each.state) for each in answer.replicas] == [("auth-us", "following"), ("dns-us", "silent")]


def test_a_report_is_read_as_it_was_written_and_what_a_later_version_adds_is_passed_over() -> None:
    assert parse_report(encode_report(REPORT)) == REPORT
    assert parse_report(json.dumps({**json.loads(encode_report(REPORT)), "new": 1}).encode()) == REPORT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"x" * (MAX_BYTES + 1),
        encode_report(replace(REPORT, process="p" * 200)),
        encode_report(REPORT).replace(b":7,", b":-7,"),
        encode_report(REPORT).replace(b":7,", b":true,"),
        encode_report(REPORT).replace(b":true,", b":1,"),
    ],
)
def test_what_is_no_report_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_report(body)


@pytest.mark.parametrize(
    ("changed", "later_s", "state"),
    [
        ({}, 1.0, "following"),
        ({"is_following": False}, 1.0, "behind"),
        ({"is_complete": False, "is_following": False}, 1.0, "incomplete"),
        ({"is_rebuilding": True, "is_following": False}, 1.0, "rebuilding"),
        ({}, SILENT_S + 1, "silent"),
    ],
)
def test_a_process_stands_as_it_says_until_it_is_silent(changed: dict[str, Any], later_s: float, state: str) -> None:
    [row] = told(replace(REPORT, **changed), later_s=later_s).replicas
    assert (row.process, row.kind, row.region, row.state, row.heard_s) == ("auth-us", "auth", "us", state, later_s)


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "following"),
        ({"state": "DRAINING"}, "following"),
        ({"state": "COLD"}, "incomplete"),
        ({"state": "DEGRADED"}, "incomplete"),
        ({"is_log_connected": False}, "behind"),
        ({"age_s": 9.0}, "behind"),
        ({"age_s": -1.0}, "behind"),
        ({"state": "UNREACHABLE", "problem": "takes no connection"}, "silent"),
    ],
)
def test_an_edge_stands_as_it_answers(changed: dict[str, Any], state: str) -> None:
    row = of_edge(edge(**changed))
    assert (row.process, row.kind, row.state, row.problem) == ("edge-us1", "edge", state, changed.get("problem", ""))


def test_whoever_holds_something_else_than_most_at_its_position_is_marked() -> None:
    others = [replace(REPORT, process=f"dns-{name}") for name in ("eu", "us")]
    answer = told(*others, replace(REPORT, digest="cd" * 16), replace(REPORT, process="records-eu", position=8, digest="ef" * 16))
    assert {row.process: row.differs for row in answer.replicas} == {
        "auth-us": True,
        "dns-eu": False,
        "dns-us": False,
        "records-eu": False,
    }


def test_a_region_is_as_its_processes_and_home_comes_first() -> None:
    late = replace(REPORT, process="dns-us", position=5, lag=4, age_s=2.0, is_following=False)
    answer = told(REPORT, late, replace(REPORT, process="auth-eu", region="eu"), edges=(edge(),))
    assert [(row.name, row.is_home, row.replicas, row.following) for row in answer.regions] == [
        ("eu", True, 1, 1),
        ("apac", False, 0, 0),
        ("us", False, 3, 2),
    ]
    us = answer.regions[2]
    assert (us.position, us.lag, us.age_s, answer.regions[1].age_s) == (5, 4, 0.25, -1.0)
    assert [row.process for row in answer.replicas] == ["auth-eu", "auth-us", "dns-us", "edge-us1"]


def test_the_book_is_bounded_and_forgets_who_was_taken_away() -> None:
    book = ReplicaBook()
    for number in range(MAX_PROCESSES + 5):
        book.hear(replace(REPORT, process=f"p{number}"), float(number))
    assert len(book.replicas(0.0)) == MAX_PROCESSES
    book.hear(REPORT, FORGOTTEN_S + MAX_PROCESSES + 6)
    assert [row.process for row in book.replicas(0.0)] == ["auth-us"]
