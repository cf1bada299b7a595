"""The table of routes against the services and the table of who may call what."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor import FieldDescriptor

from trunkline.rest.arguments import PAGE, TEXTS, body_fields, query_fields
from trunkline.rest.methods import METHODS, WRITE
from trunkline.rest.openapi import document
from trunkline.rest.routes import ROUTES, Form, Route
from trunkline.runtime.callers import CALLERS, SCOPES

each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.verb} {route.path}")


@each_route
def test_a_line_fits_its_method(route: Route) -> None:
    request = route.method.request.fields_by_name
    assert CALLERS[route.method.path] & {"operator", "tenant"}, "a method of people"
    for name in (*route.in_path, *route.without):
        assert name in request and not request[name].is_repeated and request[name].message_type is None
    for field in query_fields(route):
        assert field.message_type is None or field.message_type.full_name in TEXTS, f"{field.name} cannot stand in a query"
        assert field.type != FieldDescriptor.TYPE_BYTES
    reached = {*route.in_path, *route.without, WRITE, PAGE, *(field.name for field in (*query_fields(route), *body_fields(route)))}
    assert set(request) - reached <= ({"csv"} if route.form is Form.UPLOAD else set())


@each_route
def test_what_reads_is_got_and_what_changes_is_not(route: Route) -> None:
    scope = SCOPES.get(route.method.path)
    if route.verb == "GET":
        assert not route.method.is_writing and scope in (None, "read")
    elif scope is not None and route.rpc not in ("provisioning.Explain", "provisioning.ExplainCalls"):
        assert scope != "read"


@each_route
def test_an_upload_first_asks_what_the_same_callers_may_ask_of_the_same_service(route: Route) -> None:
    assert bool(route.asks_first) == (route.form is Form.UPLOAD)
    if route.asks_first:
        first = METHODS[route.asks_first]
        assert first.service == route.method.service and CALLERS[first.path] >= CALLERS[route.method.path]
        people = {"operator", "tenant"}
        assert CALLERS[first.path] & people == CALLERS[route.method.path] & people
        assert SCOPES.get(first.path) == SCOPES.get(route.method.path) and not first.is_writing


def test_no_two_lines_are_one() -> None:
    assert len({(route.verb, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.operation for route in ROUTES}) == len(ROUTES)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    described = document()
    for reference in re.findall(r"'\$ref': '#/([^']+)'", str(described)):
        place = described
        for step in reference.split("/"):
            place = place[step]
        assert place


def test_the_document_tells_scope_and_method_of_each_line() -> None:
    described = document()["paths"]
    assert "`access:write`" in described["/v1/acls"]["post"]["description"]
    assert described["/v1/tenants"]["get"]["description"].startswith("Operators only.")
    parameters = [each.get("name", each.get("$ref", "")) for each in described["/v1/acls/{acl}/addresses"]["delete"]["parameters"]]
    assert parameters[:3] == ["acl", "tenant", "address"]
