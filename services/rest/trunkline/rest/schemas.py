"""JSON Schemas of messages, from their descriptors: what `json_format` makes of them, by the fields' own names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

_INTEGERS: Final = {
    FieldDescriptor.TYPE_INT32: ("int32", -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: ("int32", -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: ("int32", -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: ("uint32", 0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: ("uint32", 0, 2**32 - 1),
}
_LONG: Final = {
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_SINT64: "int64",
    FieldDescriptor.TYPE_SFIXED64: "int64",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_FIXED64: "uint64",
}
_PATTERNS: Final = {"uint64": "^[0-9]{1,20}$", "int64": "^-?[0-9]{1,19}$"}

Schema = dict[str, Any]


class Schemas:
    """Collects the messages that are referred to; `components` holds them all at the end."""

    def __init__(self) -> None:
        self._messages: dict[str, Descriptor] = {}

    def reference(self, message: Descriptor) -> Schema:
        """A reference to a message's schema."""
        name = _name_of(message.full_name)
        self._messages[name] = message
        return {"$ref": f"#/components/schemas/{name}"}

    def object_of(self, fields: Iterable[FieldDescriptor], *, is_strict: bool) -> Schema:
        """An object of some fields; `is_strict`: of a request, which may have no other."""
        schema: Schema = {"type": "object", "properties": {field.name: self.of(field) for field in fields}}
        if is_strict:
            schema["additionalProperties"] = False
        return schema

    def of(self, field: FieldDescriptor) -> Schema:
        """What a field holds, a list where it is repeated."""
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return {"type": "object", "additionalProperties": self._item(field.message_type.fields_by_name["value"])}
        item = self._item(field)
        return {"type": "array", "items": item} if field.is_repeated else item

    def components(self) -> dict[str, Schema]:
        """By name, with all that they refer to in turn."""
        done: dict[str, Schema] = {}
        while len(done) < len(self._messages):
            for name, message in list(self._messages.items()):
                if name not in done:
                    done[name] = self.object_of(message.fields, is_strict=False)
        return dict(sorted(done.items()))

    def _item(self, field: FieldDescriptor) -> Schema:
        if field.type in _INTEGERS:
            form, least, most = _INTEGERS[field.type]
            return {"type": "integer", "format": form, "minimum": least, "maximum": most}
        if field.type in _LONG:
            # Answers have strings; requests may have either.
            return {"type": "string", "format": _LONG[field.type], "pattern": _PATTERNS[_LONG[field.type]]}
        match field.type:
            case FieldDescriptor.TYPE_BOOL:
                return {"type": "boolean"}
            case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
                return {"type": "number"}
            case FieldDescriptor.TYPE_BYTES:
                return {"type": "string", "contentEncoding": "base64"}
            case FieldDescriptor.TYPE_ENUM:
                assert field.enum_type is not None
                return _enum(field.enum_type)
            case FieldDescriptor.TYPE_MESSAGE:
                assert field.message_type is not None
                return self._message(field.message_type)
            case _:
                return {"type": "string"}

    def _message(self, message: Descriptor) -> Schema:
        match message.full_name:
            case "google.protobuf.Timestamp":
                return {"type": "string", "format": "date-time"}
            case "google.protobuf.Duration":
                return {"type": "string", "format": "duration-seconds", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"}
            case _:
                return self.reference(message)


def _enum(enum: EnumDescriptor) -> Schema:
    return {"type": "string", "enum": [value.name for value in enum.values]}


def _name_of(full_name: str) -> str:
    """`trunkline.api.provisioning.v1.Acl` → `provisioning.Acl`."""
    parts = full_name.removeprefix("trunkline.api.").split(".")
    return ".".join(part for part in parts if part != "v1")
