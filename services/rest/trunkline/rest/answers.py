"""From the answer of a method to JSON: the canonical mapping of protobuf, with the fields' own names and all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from starlette.responses import Response


def plain(message: Message) -> dict[str, Any]:
    """64-bit numbers are strings: JSON's own end at 2⁵³ for many readers."""
    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return found


def json_response(value: Mapping[str, Any], status: int) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, media_type="application/json")
