"""From an HTTP request to the request of a method: path, query, headers and JSON body, each field in one place only.

JSON is the canonical mapping of protobuf with the fields' own names, read strictly: an unknown member, a null, or a name in camel case is
refused. 64-bit numbers may come as numbers or strings, times are RFC 3339, durations seconds such as "5s".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from trunkline.rest.methods import WRITE
from trunkline.rest.problems import Refused, invalid
from trunkline.rest.routes import Form, Route
from trunkline.runtime.errors import Problem

PAGE: Final = "page"
PAGE_PARAMETERS: Final = {"page_size": "size", "page_token": "token"}
UPLOADED: Final = "csv"
TEXTS: Final = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})
"""Messages whose JSON is one string."""

MAX_QUERY: Final = 100
"""Parameters of one request."""
MAX_NESTING: Final = 16

_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,64}")
_VERSION: Final = re.compile(r'"?(\d{1,19})"?')


def query_fields(route: Route) -> list[FieldDescriptor]:
    """Fields that come as query parameters, `page` apart."""
    fields = [field for field in _free_fields(route) if field.name != PAGE]
    if route.has_body:
        return [field for field in fields if field.name == "tenant"]
    return [field for field in fields if not (route.form is Form.UPLOAD and field.name == UPLOADED)]


def body_fields(route: Route) -> list[FieldDescriptor]:
    """Fields that are members of the body."""
    return [field for field in _free_fields(route) if field.name not in (PAGE, "tenant")] if route.has_body else []


def has_pages(route: Route) -> bool:
    return PAGE in route.method.request.fields_by_name


def _free_fields(route: Route) -> Iterable[FieldDescriptor]:
    taken = {*route.in_path, *route.without, WRITE}
    return (field for field in route.method.request.fields if field.name not in taken)


def request_of(route: Route, path: Mapping[str, str], query: Sequence[tuple[str, str]], body: bytes, options: dict[str, Any]) -> Message:
    """`query` without what `app` takes for itself; `options` are the fields of `write`. Raises Refused."""
    fields = _from_query(route, query)
    if body:
        fields |= _from_body(route, body)
    for name, text in path.items():
        if not text:
            raise invalid("PATH_INVALID", name, f"The path names no {name}.")
        fields[name] = text
    if route.method.is_writing:
        fields[WRITE] = options
    message = route.method.request_class()
    try:
        json_format.ParseDict(fields, message, max_recursion_depth=MAX_NESTING)
    except json_format.ParseError as error:
        raise invalid("FIELD_INVALID", "", str(error), "See the schema in /openapi.json.") from None
    return message


def write_options(headers: Mapping[str, str], made_up: str) -> dict[str, Any]:
    """Of `Idempotency-Key` or `Request-Id`, and `If-Match`. Raises Refused."""
    options: dict[str, Any] = {"request_id": request_id(headers) or made_up}
    wanted = headers.get("if-match")
    if wanted is not None:
        found = _VERSION.fullmatch(wanted.strip())
        if found is None:
            raise invalid("VERSION_INVALID", "If-Match", f'{wanted[:40]!r} is no version, such as "3".', "Send the version of the answer.")
        options["expected_version"] = found[1]
    return options


def request_id(headers: Mapping[str, str]) -> str:
    """Empty where none is given. Raises Refused."""
    for name in ("idempotency-key", "request-id"):
        text = headers.get(name)
        if text is None:
            continue
        # RFC 8941 strings come in quotes; both forms are in use.
        text = text.strip().removeprefix('"').removesuffix('"')
        if not _REQUEST_ID.fullmatch(text):
            raise invalid("REQUEST_ID_INVALID", name.title(), "A request id is 1 to 64 printable ASCII characters without blanks.")
        return text
    return ""


def _from_query(route: Route, query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    if len(query) > MAX_QUERY:
        raise invalid("TOO_MANY_PARAMETERS", "", f"{len(query)} query parameters; {MAX_QUERY} are the most.")
    known = {field.name: field for field in query_fields(route)}
    found: dict[str, Any] = {}
    for name, text in query:
        if name in PAGE_PARAMETERS and has_pages(route):
            page = found.setdefault(PAGE, {})
            if PAGE_PARAMETERS[name] in page:
                raise repeated(name)
            page[PAGE_PARAMETERS[name]] = text
            continue
        field = known.get(name)
        if field is None:
            names = [*known, *(PAGE_PARAMETERS if has_pages(route) else ())]
            raise invalid(
                "PARAMETER_UNKNOWN", name[:64], "There is no such query parameter here.", f"Known are: {', '.join(names) or 'none'}."
            )
        value = _boolean(name, text) if field.type == FieldDescriptor.TYPE_BOOL else text
        if field.is_repeated:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise repeated(name)
        else:
            found[name] = value
    return found


def repeated(name: str) -> Refused:
    return invalid("PARAMETER_REPEATED", name, "This query parameter is given once.")


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise invalid("FIELD_INVALID", name, f"{text[:40]!r} is neither true nor false.")
    return text == "true"


def _from_body(route: Route, body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid("JSON_INVALID", "", f"The body is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise invalid("JSON_INVALID", "", "The body is a JSON object.")
    allowed = {field.name for field in body_fields(route)}
    for name in value:
        if name not in allowed:
            raise _unknown(name, allowed, "a query parameter or in the path" if name in route.method.request.fields_by_name else "")
    _check(route.method.request, value, "", 0)
    return value


def _check(descriptor: Descriptor, value: dict[str, Any], where: str, depth: int) -> None:
    """What json_format would let pass: nulls, and other spellings of names."""
    if depth > MAX_NESTING:
        raise invalid("JSON_INVALID", where, f"The body is nested deeper than {MAX_NESTING}.")
    for name, member in value.items():
        field = descriptor.fields_by_name.get(name)
        place = f"{where}{name}"
        if field is None:
            raise _unknown(place, descriptor.fields_by_name, "")
        members = member if field.is_repeated and isinstance(member, list) else [member]
        for each in members:
            _check_value(field, each, place, depth)


def _check_value(field: FieldDescriptor, value: Any, place: str, depth: int) -> None:
    if value is None:
        raise invalid("FIELD_INVALID", place, "null is no value.", "Leave the member out.")
    if isinstance(value, dict) and field.message_type is not None and field.message_type.full_name not in TEXTS:
        _check(field.message_type, value, f"{place}.", depth + 1)


def _unknown(name: str, known: Iterable[str], why: str) -> Refused:
    text = f"It is {why}." if why else "There is no such member here."
    return Refused(Problem("INVALID_ARGUMENT", "FIELD_UNKNOWN", text, name[:64], f"Known are: {', '.join(known) or 'none'}."))
