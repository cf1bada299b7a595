"""From HTTP to the request of a method, and what is refused on the way."""

from __future__ import annotations

from typing import Any

import pytest

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.rest.arguments import request_id, request_of, write_options
from trunkline.rest.problems import Refused
from trunkline.rest.routes import ROUTES, Route


def route(verb: str, path: str) -> Route:
    (found,) = [each for each in ROUTES if (each.verb, each.path) == (verb, path)]
    return found


ADD = route("POST", "/v1/acls/{acl}/addresses")
LIST = route("GET", "/v1/history")
SERVICE = route("PUT", "/v1/domains/{label}/class-of-service")
OPTIONS = {"request_id": "r1"}


def refusal(line: Route, query: list[tuple[str, str]], body: bytes = b"", **path: str) -> str:
    with pytest.raises(Refused) as caught:
        request_of(line, path, query, body, dict(OPTIONS))
    return f"{caught.value.problem.reason} {caught.value.problem.field}".strip()


def test_a_request_is_put_together_from_path_query_body_and_headers() -> None:
    options = write_options({"idempotency-key": '"r1"', "if-match": '"7"'}, "made-up")
    made: Any = request_of(ADD, {"acl": "office"}, [("tenant", "acme")], b'{"address": "192.0.2.1", "allow_everyone": false}', options)
    assert made == pb.AddAddressRequest(write={"request_id": "r1", "expected_version": 7}, tenant="acme", acl="office", address="192.0.2.1")


def test_pages_times_and_numbers_of_a_query() -> None:
    query = [("page_size", "5"), ("page_token", "MQ"), ("since", "2026-11-28T12:00:00Z")]
    made: Any = request_of(LIST, {}, query, b"", {})
    assert (made.page.size, made.page.token, made.since.seconds) == (5, "MQ", 1_795_867_200)


def test_a_member_that_is_left_out_is_told_from_zero() -> None:
    zero: Any = request_of(SERVICE, {"label": "acme"}, [], b'{"max_rate_micros": "0"}', dict(OPTIONS))
    none: Any = request_of(SERVICE, {"label": "acme"}, [], b"{}", dict(OPTIONS))
    assert zero.HasField("max_rate_micros") and not none.HasField("max_rate_micros")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"callerId": "1"}', "FIELD_UNKNOWN callerId"),
        (b'{"acl": "other"}', "FIELD_UNKNOWN acl"),
        (b'{"write": {"request_id": "x"}}', "FIELD_UNKNOWN write"),
        (b'{"tenant": "acme"}', "FIELD_UNKNOWN tenant"),
        (b'{"address": null}', "FIELD_INVALID address"),
        (b'{"address": 5}', "FIELD_INVALID"),
        (b'{"allow_everyone": "yes"}', "FIELD_INVALID"),
        (b"[]", "JSON_INVALID"),
        (b"{", "JSON_INVALID"),
        (b"[" * 100_000, "JSON_INVALID"),
        (b"\xff", "JSON_INVALID"),
    ],
)
def test_a_body_that_is_not_what_the_schema_says_is_refused(body: bytes, why: str) -> None:
    assert refusal(ADD, [], body, acl="office") == why


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ([("page", "1")], "PARAMETER_UNKNOWN page"),
        ([("kind", "acl"), ("kind", "domain")], "PARAMETER_REPEATED kind"),
        ([("page_size", "1"), ("page_size", "1")], "PARAMETER_REPEATED page_size"),
        ([("since", "yesterday")], "FIELD_INVALID"),
        ([("page_size", "-1")], "FIELD_INVALID"),
        ([("kind", "a")] * 101, "TOO_MANY_PARAMETERS"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(query: list[tuple[str, str]], why: str) -> None:
    assert refusal(LIST, query) == why


@pytest.mark.parametrize("text", ["", "a b", "x" * 65, "ä"])
def test_a_request_id_that_cannot_stand_in_a_commit_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="REQUEST_ID_INVALID"):
        request_id({"request-id": text})


def test_without_a_request_id_one_is_made_up() -> None:
    assert write_options({}, "made-up") == {"request_id": "made-up"}
    with pytest.raises(Refused, match="VERSION_INVALID"):
        write_options({"if-match": "*"}, "made-up")
