from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PopWord(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POP_WORD_UNSPECIFIED: _ClassVar[PopWord]
    POP_WORD_READY: _ClassVar[PopWord]
    POP_WORD_DRAINING: _ClassVar[PopWord]
    POP_WORD_DOWN: _ClassVar[PopWord]
    POP_WORD_FROZEN: _ClassVar[PopWord]
POP_WORD_UNSPECIFIED: PopWord
POP_WORD_READY: PopWord
POP_WORD_DRAINING: PopWord
POP_WORD_DOWN: PopWord
POP_WORD_FROZEN: PopWord

class PopStanding(_message.Message):
    __slots__ = ("word", "without")
    WORD_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_FIELD_NUMBER: _ClassVar[int]
    word: PopWord
    without: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, word: _Optional[_Union[PopWord, str]] = ..., without: _Optional[_Iterable[str]] = ...) -> None: ...

class PopChanged(_message.Message):
    __slots__ = ("pop", "time_us", "before", "after", "reason", "decided_by", "region")
    POP_FIELD_NUMBER: _ClassVar[int]
    TIME_US_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    pop: str
    time_us: int
    before: PopStanding
    after: PopStanding
    reason: str
    decided_by: str
    region: str
    def __init__(self, pop: _Optional[str] = ..., time_us: _Optional[int] = ..., before: _Optional[_Union[PopStanding, _Mapping]] = ..., after: _Optional[_Union[PopStanding, _Mapping]] = ..., reason: _Optional[str] = ..., decided_by: _Optional[str] = ..., region: _Optional[str] = ...) -> None: ...
