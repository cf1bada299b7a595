"""REST on a running platform: the set-up of a trunk, its errors, keys that may less, and sources that guess."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from helpers.platform import Platform, wait_for
from helpers.rest import Answer, Rest
from helpers.sipp import Caller, refused_call, run

from trunkline.rest.arguments import query_fields
from trunkline.rest.routes import ROUTES, Form, Route

MARK = secrets.token_hex(4)
OCTET = 97
"""Of the sources that guess here: 127.0.OCTET.N."""


def new_tenant(platform: Platform, name: str) -> Rest:
    """By REST, as everything here."""
    operator = Rest(platform.local["rest"], platform.local["operator"]["api_key"])
    assert operator.ask("PUT", f"/v1/tenants/{name}", {"name": name}).status == 201
    made = operator.ask("POST", "/v1/keys", {"name": "test"}, tenant=name)
    assert made.status == 201
    return replace(operator, key=made.json["key"])


@pytest.fixture(scope="module")
def acme(platform: Platform) -> Rest:
    return new_tenant(platform, f"resta-{MARK}")


@pytest.fixture(scope="module")
def beta(platform: Platform) -> Rest:
    return new_tenant(platform, f"restb-{MARK}")


def test_a_trunk_is_set_up_and_its_first_refused_call_explained(platform: Platform, acme: Rest, beta: Rest, tmp_path: Path) -> None:
    label = f"trunk{MARK}"
    acl = acme.ask("POST", "/v1/acls", {"acl": "office"})
    assert (acl.status, acl.json["acl"]["version"]) == (201, "1")
    added = acme.ask("POST", "/v1/acls/office/addresses", {"address": "198.51.100.0/24"}, headers={"If-Match": '"1"'})
    assert added.json["acl"]["addresses"][0]["cidr"] == "198.51.100.0/24"
    assert acme.ask("POST", "/v1/acls", {"acl": "people"}).status == 201
    assert acme.ask("POST", "/v1/acls/people/accounts", {"username": "31000", "password": "a-long-password"}).status == 201
    assert acme.ask("POST", "/v1/domains", {"label": label}).status == 201
    attached = acme.ask("PUT", f"/v1/domains/{label}/acls/office", wait="eu1,us1").json
    assert {each["pop"] for each in attached["applied"] if each["is_applied"]} == {"eu1", "us1"}
    assert attached["domain"]["acls"] == ["office"]
    number = "+31205550100"
    caller = Caller(host=f"{label}.{platform.local['base_domain']}", number=number)
    run(tmp_path, refused_call(caller, 403, "T203"), target=platform.edge("eu1"), local_address="127.0.97.1").must_succeed(1)
    records = wait_for("its record", lambda: acme.ask("GET", "/v1/records", outcome="refused").json["records"])
    assert [(each["reason"], each["source"].partition(":")[0]) for each in records] == [("T203", "127.0.97.1")]
    call = acme.ask("GET", f"/v1/records/{records[0]['call']}").json["record"]
    assert call["number"] == number
    file = acme.ask("GET", "/v1/record-exports", format="jsonl")
    assert file.headers["content-type"] == "application/jsonl" and number in file.text
    explained = acme.ask("POST", "/v1/explain", {"domain": label, "source": "127.0.97.1", "number": number}).json
    assert (explained["outcome"], explained["reason"]) == ("refuse", "T203") and explained["steps"]
    allowed = acme.ask("POST", "/v1/acls/office/addresses", {"address": "127.0.97.1"})
    assert allowed.status == 201
    # The call that happened, by its id: as it was then, as it would be now, and as of a position and a time between.
    position = int(allowed.json["receipt"]["position"])

    def again(**question: object) -> Any:
        answer = acme.ask("POST", "/v1/explain", {"call": call["call"], **question})
        assert answer.status == 200, answer.text
        return answer.json

    then = again()
    assert (then["outcome"], then["reason"], then["position"], then["differences"]) == ("refuse", "T203", call["position"], [])
    assert (then["number"], then["source"], then["is_changed_since"]) == (number, "127.0.97.1", True)
    after = again(at_position=str(position))
    assert (after["outcome"], after["acl"], after["position"]) == ("admit", "office", str(position))
    why = f"the log was another at position {position}; the call was decided at {call['position']}"
    assert [(each["field"], each["recorded"], each["computed"], each["why"]) for each in after["differences"]] == [
        ("outcome", "refuse", "admit", why),
        ("reason", "T203", "", why),
    ]
    assert again(at_position=position - 1)["outcome"] == "refuse"
    assert (again(at_time=after["position_time"])["position"], again(at_time=then["position_time"])["position"]) == (
        str(position),
        call["position"],
    )
    assert again(is_now=True)["outcome"] == "admit"
    twice = acme.ask("POST", "/v1/explain", {"call": call["call"], "record": call})
    assert (twice.status, twice.reason) == (400, "CALL_GIVEN_TWICE")
    described = acme.ask("POST", "/v1/explain", {"call": call["call"], "number": number})
    assert (described.status, described.reason) == (400, "CALL_DESCRIBED_TOO")
    others = beta.ask("POST", "/v1/explain", {"call": call["call"]})
    assert (others.status, others.reason) == (404, "NO_SUCH_CALL")
    assert acme.ask("DELETE", "/v1/acls/office/addresses", address="127.0.97.1", wait="eu1").json["applied"][0]["is_applied"]
    changes = [change for entry in acme.ask("GET", "/v1/history", kind="acl").json["entries"] for change in entry["changes"]]
    assert changes[0] == 'address removed: cidr: "127.0.97.1/32"'
    deleted = acme.ask("DELETE", "/v1/acls/office")
    assert (deleted.status, deleted.reason) == (409, "ACL_ATTACHED") and label in deleted.json["metadata"].values()


def test_a_repeated_request_id_gives_the_first_answer_and_another_request_is_refused(acme: Rest) -> None:
    once = {"Idempotency-Key": f'"r-{MARK}"'}
    first, again = (acme.ask("POST", "/v1/acls", {"acl": "twice"}, headers=once) for _ in range(2))
    assert first.json["receipt"]["position"] == again.json["receipt"]["position"] and again.json["receipt"]["repeated"]
    assert first.headers["request-id"] == f"r-{MARK}"
    assert acme.ask("POST", "/v1/acls", {"acl": "other"}, headers=once).reason == "REQUEST_ID_REUSED"
    assert acme.ask("GET", "/v1/history", aggregate="twice").json["entries"][0]["request_id"] == f"r-{MARK}"


def test_errors_have_one_form_and_say_what_to_do(acme: Rest) -> None:
    def refused(status: int, answer: Answer) -> str:
        assert answer.status == status
        return answer.reason

    assert refused(404, acme.ask("GET", "/v1/acls/nobody")) == "ACL_NOT_FOUND"
    assert refused(404, acme.ask("GET", "/v2")) == "PATH_UNKNOWN"
    assert refused(403, acme.ask("GET", "/v1/tenants")) == "ROLE_NOT_ALLOWED"
    assert refused(403, acme.ask("GET", "/v1/acls", tenant="somebody")) == "OTHER_TENANT"
    assert refused(400, acme.ask("GET", "/v1/acls", colour="red")) == "PARAMETER_UNKNOWN"
    assert refused(400, acme.ask("POST", "/v1/acls", {"acl": "a b"})) == "ACL_NAME_INVALID"
    assert refused(400, acme.ask("POST", "/v1/acls", b"{")) == "JSON_INVALID"
    assert refused(415, acme.ask("POST", "/v1/acls", b"acl=x", headers={"Content-Type": "application/x-www-form-urlencoded"}))
    assert refused(413, acme.ask("POST", "/v1/acls", b" " * (300 << 10))) == "BODY_TOO_LARGE"
    assert acme.ask("POST", "/v1/acls", {"acl": "changed"}).status == 201
    assert refused(412, acme.ask("DELETE", "/v1/acls/changed", headers={"If-Match": "9"})) == "VERSION_CHANGED"
    wrong_verb = acme.ask("PATCH", "/v1/acls")
    assert refused(405, wrong_verb) == "METHOD_NOT_ALLOWED" and wrong_verb.headers["allow"] == "GET, POST"
    assert acme.ask("GET", "/v1/acls", colour="red").json["remedy"] == "Known are: tenant, page_size, page_token."


def test_no_other_site_is_let_in_and_nothing_is_kept(acme: Rest) -> None:
    answer = acme.ask("GET", "/v1/acls", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
    assert acme.ask("OPTIONS", "/v1/acls", headers={"Origin": "https://evil.example"}).status == 405


def test_a_key_that_may_less_and_a_key_that_has_ended(acme: Rest) -> None:
    made = acme.ask("POST", "/v1/keys", {"name": "read", "scopes": ["read"]}).json
    reader = replace(acme, key=made["key"])
    assert reader.ask("GET", "/v1/acls").status == 200
    refused = reader.ask("POST", "/v1/acls", {"acl": "more"})
    assert (refused.status, refused.reason, refused.json["metadata"]) == (403, "SCOPE_MISSING", {"scope": "access:write"})
    soon = acme.ask("POST", "/v1/keys", {"name": "brief", "expire_time": "2020-01-01T00:00:00Z"})
    assert (soon.status, soon.reason) == (400, "EXPIRY_INVALID")
    assert acme.ask("DELETE", f"/v1/keys/{made['api_key']['id']}").status == 200
    gone = replace(reader, source=f"127.0.{OCTET}.3").ask("GET", "/v1/acls")
    assert (gone.status, gone.reason, gone.headers["www-authenticate"]) == (401, "NO_VALID_API_KEY", 'Bearer realm="trunkline"')


def test_a_source_that_guesses_is_not_heard_any_more_and_others_are(acme: Rest) -> None:
    guesser = replace(acme, key="tk_guessed", source=f"127.0.{OCTET}.{4 + int(MARK, 16) % 240}")

    def until_refused(asker: Rest, tries: int) -> tuple[int, Answer]:
        for number in range(tries):
            answer = asker.ask("GET", "/v1/acls")
            if answer.status != 401:
                return number, answer
        raise AssertionError(f"{tries} guesses were all heard")

    number, refused = until_refused(guesser, 60)
    assert number >= 20 and refused.status == 429
    assert refused.reason == "TOO_MANY_FAILED_LOGINS" and int(refused.headers["retry-after"]) >= 1
    assert acme.ask("GET", "/v1/acls").status == 200
    # A key that was good lately is heard from there, too.
    assert replace(guesser, key=acme.key).ask("GET", "/v1/acls").status == 200
    # What a client says of itself counts for nothing: else these would be another source's first guesses.
    assert until_refused(replace(guesser, more={"X-Forwarded-For": "192.0.2.9"}), 15)[1].status == 429


def test_who_may_not_upload_takes_no_turn_of_those_who_may(platform: Platform, acme: Rest) -> None:
    """A body may take five minutes, and two are taken at a time."""
    address = urlsplit(acme.url)
    with ExitStack() as stack:
        for key, status in (("tk_made-up", 401), ("tk_made-up-too", 401), (acme.key, 403)):
            stranger = HTTPConnection(address.hostname or "", address.port, timeout=20, source_address=(f"127.0.{OCTET}.250", 0))
            stack.callback(stranger.close)
            stranger.putrequest("PUT", "/v1/decks/strangers?currency=EUR")
            for name, value in (("Authorization", f"Bearer {key}"), ("Content-Type", "text/csv"), ("Content-Length", "30000000")):
                stranger.putheader(name, value)
            stranger.endheaders()
            assert stranger.getresponse().status == status, "before a byte of the body was sent"
        operator = Rest(platform.local["rest"], platform.local["operator"]["api_key"])
        answer = operator.ask("PUT", "/v1/decks/strangers", b"no deck", headers={"Content-Type": "text/csv"}, currency="EUR")
    assert answer.status == 400 and "line 1" in answer.json["detail"], answer.text


def path_of(route: Route, named: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: "5" if found[1] == "position" else named, route.path)


OF_TENANTS = [route for route in ROUTES if "tenant" in route.method.request.fields_by_name and "tenant" not in route.in_path]


@pytest.mark.parametrize("route", OF_TENANTS, ids=lambda route: f"{route.verb} {route.path}")
def test_no_line_of_the_table_serves_another_tenant(route: Route, acme: Rest, beta: Rest) -> None:
    told = []
    for tenant in (f"resta-{MARK}", "restc-nobody"):
        body = b"" if route.form is Form.UPLOAD else ({} if route.has_body else None)
        answer = beta.ask(route.verb, path_of(route, "office"), body, tenant=tenant)
        told.append((answer.status, answer.reason, answer.json["detail"]))
    assert told[0] == told[1] and told[0][0] in (400, 403), "whether there is such a tenant is nobody's business"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.verb} {route.path}")
def test_what_another_tenant_has_is_answered_like_what_nobody_has(route: Route, acme: Rest, beta: Rest) -> None:
    """`office`, `trunk…` and `twice` are names of acme's."""
    if not route.in_path or "position" in route.in_path or route.form is Form.UPLOAD:
        return
    before = acme.ask("GET", "/v1/acls").text
    told = []
    for named in (f"trunk{MARK}", f"drunk{MARK}", "office", "offense"):
        answer = beta.ask(route.verb, path_of(route, named), {} if route.has_body else None)
        told.append((answer.status, answer.text.replace(named, "NAME").replace(answer.headers["request-id"], "ID")))
    assert told[0] == told[1] and told[2] == told[3]
    assert acme.ask("GET", "/v1/acls").text == before


BY_DOMAIN = [route for route in ROUTES if route.verb == "GET" and "domain" in {field.name for field in query_fields(route)}]


@pytest.mark.parametrize("route", BY_DOMAIN, ids=lambda route: f"{route.verb} {route.path}")
def test_to_ask_by_another_tenants_domain_is_to_ask_by_nobodys(route: Route, acme: Rest, beta: Rest) -> None:
    told = []
    for named in (f"trunk{MARK}", f"drunk{MARK}"):
        needed = {"number": "+31201234567"} if "number" in {field.name for field in query_fields(route)} and "resolve" in route.path else {}
        answer = beta.ask(route.verb, route.path, domain=named, **needed)
        told.append((answer.status, answer.text.replace(named, "NAME").replace(answer.headers["request-id"], "ID")))
    assert told[0] == told[1]


def test_a_key_by_hash_can_be_repeated(acme: Rest) -> None:
    hashed = base64.b64encode(hashlib.sha256(f"tk_{MARK}".encode()).digest()).decode()
    once = {"Request-Id": f"k-{MARK}"}
    first, again = (acme.ask("POST", "/v1/keys", {"name": "own", "key_hash": hashed}, headers=once).json for _ in range(2))
    assert "key" not in first and first["receipt"]["position"] == again["receipt"]["position"]
