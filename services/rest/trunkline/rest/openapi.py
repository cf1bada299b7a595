"""The OpenAPI 3.1 document, made from the table of routes and the descriptors of messages."""

from __future__ import annotations

from typing import Any, Final

from trunkline.domain.scopes import Scope
from trunkline.rest.arguments import PAGE, body_fields, has_pages, query_fields
from trunkline.rest.downloads import CSV, JSON_LINES
from trunkline.rest.methods import WAIT_APPLIED, WRITE
from trunkline.rest.problems import MEDIA_TYPE
from trunkline.rest.routes import ROUTES, Form, Route
from trunkline.rest.schemas import Schema, Schemas
from trunkline.runtime.callers import CALLERS, SCOPES, TENANT

VERSION: Final = "1"

_REFUSALS: Final = {
    400: "The request cannot be understood, or names what cannot be",
    401: "No API key, one that nobody has, or one that has ended",
    403: "The key may not do that: another role, another tenant, or a scope that it lacks",
    404: "There is no such thing",
    409: "Not as things are now, or somebody else wrote at the same time",
    412: "It has another version than If-Match says",
    413: "The body is too large",
    415: "The body is of another type",
    429: "Too many requests with this key, or too many failed logins from this address; see Retry-After",
    503: "A part of the platform is out of reach; try again with the same request id",
    504: "It took too long; try again with the same request id",
}
_WITH_BODY: Final = (413, 415)


def document() -> dict[str, Any]:
    """The whole of it, as `/openapi.json` gives it."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.verb.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Trunkline",
            "version": VERSION,
            "description": "SIP termination trunks: what the gRPC services offer, by REST. See docs/rest.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in sorted({_tag(route) for route in ROUTES})],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": f"An API key. Scopes: {', '.join(Scope)}."}},
            "responses": {str(status): _refusal(text) for status, text in _REFUSALS.items()},
            "parameters": _PARAMETERS,
            "schemas": {"Problem": _PROBLEM, **schemas.components()},
        },
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "tags": [_tag(route)],
        "summary": route.summary,
        "description": _who(route),
        "parameters": _parameters(route, schemas),
    }
    if route.has_body and body_fields(route):
        schema = schemas.object_of(body_fields(route), is_strict=True)
        operation["requestBody"] = {"required": False, "content": {"application/json": {"schema": schema}}}
    elif route.form is Form.UPLOAD:
        operation["requestBody"] = {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
    skipped = () if "requestBody" in operation else _WITH_BODY
    operation["responses"] = {
        str(route.success): {
            "description": "Done",
            "headers": {"Request-Id": {"schema": {"type": "string"}, "description": "Of this request; of a write, in its commit too"}},
            "content": _content(route, schemas),
        },
        **{str(status): {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS if status not in skipped},
    }
    return operation


def _who(route: Route) -> str:
    """Who may, and by which method of gRPC it is done."""
    path = route.method.path
    if TENANT not in CALLERS[path]:
        who = "Operators only."
    else:
        scope = SCOPES[path]
        who = "Any key." if scope is None else f"Needs the scope `{scope}`."
    return f"{who} By `{path[1:]}`."


def _tag(route: Route) -> str:
    return route.path.split("/")[2]


def _parameters(route: Route, schemas: Schemas) -> list[Schema]:
    by_name = route.method.request.fields_by_name
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": _non_empty(schemas.of(by_name[name]))} for name in route.in_path
    ]
    found += [{"name": field.name, "in": "query", "schema": schemas.of(field)} for field in query_fields(route)]
    if has_pages(route):
        assert by_name[PAGE].message_type is not None
        found += [{"$ref": f"#/components/parameters/{name}"} for name in ("page_size", "page_token")]
    if WRITE in by_name:
        found += [{"$ref": f"#/components/parameters/{name}"} for name in ("Idempotency-Key", "If-Match", "wait", "wait_s")]
    return found


def _non_empty(schema: Schema) -> Schema:
    return {**schema, "minLength": 1} if schema == {"type": "string"} else schema


def _content(route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.form is Form.DOWNLOAD:
        return {media_type: {"schema": {"type": "string"}} for media_type in (CSV, JSON_LINES)}
    return {"application/json": {"schema": _answer(route, schemas)}}


def _answer(route: Route, schemas: Schemas) -> Schema:
    answer = schemas.reference(route.method.answer)
    match route.form:
        case Form.STREAM:
            return {"type": "object", "properties": {"items": {"type": "array", "items": answer}}, "required": ["items"]}
        case Form.ALL_EDGES:
            listed = route.method.answer.fields[0]
            assert listed.message_type is not None
            place = {"type": "object", "properties": {"pop": {"type": "string"}, "edge": {"type": "string"}}, "required": ["pop", "edge"]}
            items = {"type": "array", "items": {"allOf": [schemas.reference(listed.message_type), place]}}
            missing = {"type": "array", "items": {"type": "string"}}
            return {
                "type": "object",
                "properties": {
                    listed.name: items,
                    "total": schemas.of(route.method.answer.fields_by_name["total"]),
                    "missing_pops": missing,
                },
                "required": [listed.name, "total", "missing_pops"],
            }
        case _:
            more: dict[str, Schema] = {}
            if route.makes_key:
                more["key"] = {"type": "string", "description": "The key, where it was made here. Shown once."}
            if route.method.is_writing:
                more["applied"] = {"type": "array", "items": schemas.reference(WAIT_APPLIED.answer)}
            return {"allOf": [answer, {"type": "object", "properties": more}]} if more else answer


def _refusal(text: str) -> Schema:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


_STRINGS: Final = ("type", "title", "detail", "instance", "code", "reason", "field", "remedy", "request_id")
_PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "RFC 9457. `reason` is for programs and stays; texts may change. `field` says where, `remedy` what to do.",
    "properties": {
        **{name: {"type": "string"} for name in _STRINGS},
        "status": {"type": "integer"},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": [*_STRINGS, "status", "metadata"],
}
_PARAMETERS: Final[dict[str, Schema]] = {
    "page_size": {"name": "page_size", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}},
    "page_token": {
        "name": "page_token",
        "in": "query",
        "schema": {"type": "string"},
        "description": "`next_page_token` of the page before",
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "pattern": r"^[\x21\x23-\x7e]{1,64}$"},
        "description": "The request id (`Request-Id` does the same): repeated with the same request it gives the first answer",
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "schema": {"type": "string", "pattern": r'^"?[0-9]{1,18}"?$'},
        "description": "The version that it must have",
    },
    "wait": {
        "name": "wait",
        "in": "query",
        "schema": {"type": "string"},
        "description": "`all`, or names of POPs and regions: answer when it is in force there, and say so in `applied`",
    },
    "wait_s": {"name": "wait_s", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 30}},
}
