from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LimitKey(_message.Message):
    __slots__ = ("tenant", "domain")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    domain: str
    def __init__(self, tenant: _Optional[str] = ..., domain: _Optional[str] = ...) -> None: ...

class LimitReport(_message.Message):
    __slots__ = ("edge", "boot", "number", "term", "applied", "is_leased", "uses")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    IS_LEASED_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    edge: str
    boot: int
    number: int
    term: int
    applied: int
    is_leased: bool
    uses: _containers.RepeatedCompositeFieldContainer[LimitUse]
    def __init__(self, edge: _Optional[str] = ..., boot: _Optional[int] = ..., number: _Optional[int] = ..., term: _Optional[int] = ..., applied: _Optional[int] = ..., is_leased: _Optional[bool] = ..., uses: _Optional[_Iterable[_Union[LimitUse, _Mapping]]] = ...) -> None: ...

class LimitUse(_message.Message):
    __slots__ = ("key", "calls", "needed_calls", "wanted_calls", "needed_rate", "wanted_rate", "held_calls", "held_rate")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    NEEDED_CALLS_FIELD_NUMBER: _ClassVar[int]
    WANTED_CALLS_FIELD_NUMBER: _ClassVar[int]
    NEEDED_RATE_FIELD_NUMBER: _ClassVar[int]
    WANTED_RATE_FIELD_NUMBER: _ClassVar[int]
    HELD_CALLS_FIELD_NUMBER: _ClassVar[int]
    HELD_RATE_FIELD_NUMBER: _ClassVar[int]
    key: LimitKey
    calls: int
    needed_calls: int
    wanted_calls: int
    needed_rate: int
    wanted_rate: int
    held_calls: int
    held_rate: int
    def __init__(self, key: _Optional[_Union[LimitKey, _Mapping]] = ..., calls: _Optional[int] = ..., needed_calls: _Optional[int] = ..., wanted_calls: _Optional[int] = ..., needed_rate: _Optional[int] = ..., wanted_rate: _Optional[int] = ..., held_calls: _Optional[int] = ..., held_rate: _Optional[int] = ...) -> None: ...

class LimitShare(_message.Message):
    __slots__ = ("key", "calls", "rate")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    key: LimitKey
    calls: int
    rate: int
    def __init__(self, key: _Optional[_Union[LimitKey, _Mapping]] = ..., calls: _Optional[int] = ..., rate: _Optional[int] = ...) -> None: ...

class LimitGrant(_message.Message):
    __slots__ = ("term", "edge", "boot", "report", "number", "edges", "has_shares", "shares")
    TERM_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    HAS_SHARES_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    term: int
    edge: str
    boot: int
    report: int
    number: int
    edges: int
    has_shares: bool
    shares: _containers.RepeatedCompositeFieldContainer[LimitShare]
    def __init__(self, term: _Optional[int] = ..., edge: _Optional[str] = ..., boot: _Optional[int] = ..., report: _Optional[int] = ..., number: _Optional[int] = ..., edges: _Optional[int] = ..., has_shares: _Optional[bool] = ..., shares: _Optional[_Iterable[_Union[LimitShare, _Mapping]]] = ...) -> None: ...

class CallsEnded(_message.Message):
    __slots__ = ("calls",)
    CALLS_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, calls: _Optional[_Iterable[str]] = ...) -> None: ...
