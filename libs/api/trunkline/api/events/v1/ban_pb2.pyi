from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Ban(_message.Message):
    __slots__ = ("cidr", "issued_us", "until_us", "reason", "issuer")
    CIDR_FIELD_NUMBER: _ClassVar[int]
    ISSUED_US_FIELD_NUMBER: _ClassVar[int]
    UNTIL_US_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    cidr: str
    issued_us: int
    until_us: int
    reason: str
    issuer: str
    def __init__(self, cidr: _Optional[str] = ..., issued_us: _Optional[int] = ..., until_us: _Optional[int] = ..., reason: _Optional[str] = ..., issuer: _Optional[str] = ...) -> None: ...
