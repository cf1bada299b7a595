import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListNamesRequest(_message.Message):
    __slots__ = ("tenant", "label")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    label: str
    def __init__(self, tenant: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class ListNamesResponse(_message.Message):
    __slots__ = ("names", "position")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedCompositeFieldContainer[HostName]
    position: int
    def __init__(self, names: _Optional[_Iterable[_Union[HostName, _Mapping]]] = ..., position: _Optional[int] = ...) -> None: ...

class HostName(_message.Message):
    __slots__ = ("name", "pop", "state", "record_sets")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECORD_SETS_FIELD_NUMBER: _ClassVar[int]
    name: str
    pop: str
    state: str
    record_sets: _containers.RepeatedCompositeFieldContainer[RecordSet]
    def __init__(self, name: _Optional[str] = ..., pop: _Optional[str] = ..., state: _Optional[str] = ..., record_sets: _Optional[_Iterable[_Union[RecordSet, _Mapping]]] = ...) -> None: ...

class RecordSet(_message.Message):
    __slots__ = ("name", "type", "ttl_s", "records")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TTL_S_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    ttl_s: int
    records: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., ttl_s: _Optional[int] = ..., records: _Optional[_Iterable[str]] = ...) -> None: ...

class GetPbxSettingsRequest(_message.Message):
    __slots__ = ("tenant", "label", "pbx", "transport", "pop", "username")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PBX_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    label: str
    pbx: str
    transport: str
    pop: str
    username: str
    def __init__(self, tenant: _Optional[str] = ..., label: _Optional[str] = ..., pbx: _Optional[str] = ..., transport: _Optional[str] = ..., pop: _Optional[str] = ..., username: _Optional[str] = ...) -> None: ...

class GetPbxSettingsResponse(_message.Message):
    __slots__ = ("files", "notes", "usernames")
    FILES_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    USERNAMES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[PbxFile]
    notes: _containers.RepeatedScalarFieldContainer[str]
    usernames: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, files: _Optional[_Iterable[_Union[PbxFile, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ..., usernames: _Optional[_Iterable[str]] = ...) -> None: ...

class PbxFile(_message.Message):
    __slots__ = ("name", "content")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    content: str
    def __init__(self, name: _Optional[str] = ..., content: _Optional[str] = ...) -> None: ...

class GetDriftRequest(_message.Message):
    __slots__ = ("compares",)
    COMPARES_FIELD_NUMBER: _ClassVar[int]
    compares: bool
    def __init__(self, compares: _Optional[bool] = ...) -> None: ...

class GetDriftResponse(_message.Message):
    __slots__ = ("holders", "position", "unread_pop_changes_total", "unanswered_queries_total")
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    UNREAD_POP_CHANGES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNANSWERED_QUERIES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    holders: _containers.RepeatedCompositeFieldContainer[Holder]
    position: int
    unread_pop_changes_total: int
    unanswered_queries_total: int
    def __init__(self, holders: _Optional[_Iterable[_Union[Holder, _Mapping]]] = ..., position: _Optional[int] = ..., unread_pop_changes_total: _Optional[int] = ..., unanswered_queries_total: _Optional[int] = ...) -> None: ...

class Holder(_message.Message):
    __slots__ = ("name", "position", "problem", "compared_time", "drift", "drift_total", "mended_total", "failures_total")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    COMPARED_TIME_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    DRIFT_TOTAL_FIELD_NUMBER: _ClassVar[int]
    MENDED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    FAILURES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    position: int
    problem: str
    compared_time: _timestamp_pb2.Timestamp
    drift: _containers.RepeatedCompositeFieldContainer[Drift]
    drift_total: int
    mended_total: int
    failures_total: int
    def __init__(self, name: _Optional[str] = ..., position: _Optional[int] = ..., problem: _Optional[str] = ..., compared_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., drift: _Optional[_Iterable[_Union[Drift, _Mapping]]] = ..., drift_total: _Optional[int] = ..., mended_total: _Optional[int] = ..., failures_total: _Optional[int] = ...) -> None: ...

class Drift(_message.Message):
    __slots__ = ("name", "type", "kind", "held", "wanted")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    kind: str
    held: _containers.RepeatedScalarFieldContainer[str]
    wanted: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., kind: _Optional[str] = ..., held: _Optional[_Iterable[str]] = ..., wanted: _Optional[_Iterable[str]] = ...) -> None: ...

class WaitServedRequest(_message.Message):
    __slots__ = ("position", "timeout")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    position: int
    timeout: _duration_pb2.Duration
    def __init__(self, position: _Optional[int] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WaitServedResponse(_message.Message):
    __slots__ = ("position", "is_served", "problem", "served_time")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    IS_SERVED_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    SERVED_TIME_FIELD_NUMBER: _ClassVar[int]
    position: int
    is_served: bool
    problem: str
    served_time: _timestamp_pb2.Timestamp
    def __init__(self, position: _Optional[int] = ..., is_served: _Optional[bool] = ..., problem: _Optional[str] = ..., served_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
