import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("edge", "pop", "region", "state", "position", "digest", "age_s", "lag", "live_calls", "journal_backlog_bytes", "is_log_connected", "keys_expire_s")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    AGE_S_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    LIVE_CALLS_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_BACKLOG_BYTES_FIELD_NUMBER: _ClassVar[int]
    IS_LOG_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    KEYS_EXPIRE_S_FIELD_NUMBER: _ClassVar[int]
    edge: str
    pop: str
    region: str
    state: str
    position: int
    digest: str
    age_s: float
    lag: int
    live_calls: int
    journal_backlog_bytes: int
    is_log_connected: bool
    keys_expire_s: float
    def __init__(self, edge: _Optional[str] = ..., pop: _Optional[str] = ..., region: _Optional[str] = ..., state: _Optional[str] = ..., position: _Optional[int] = ..., digest: _Optional[str] = ..., age_s: _Optional[float] = ..., lag: _Optional[int] = ..., live_calls: _Optional[int] = ..., journal_backlog_bytes: _Optional[int] = ..., is_log_connected: _Optional[bool] = ..., keys_expire_s: _Optional[float] = ...) -> None: ...

class WaitAppliedRequest(_message.Message):
    __slots__ = ("position", "timeout")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    position: int
    timeout: _duration_pb2.Duration
    def __init__(self, position: _Optional[int] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WaitAppliedResponse(_message.Message):
    __slots__ = ("position", "applied_time", "trace_id")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    APPLIED_TIME_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    position: int
    applied_time: _timestamp_pb2.Timestamp
    trace_id: str
    def __init__(self, position: _Optional[int] = ..., applied_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trace_id: _Optional[str] = ...) -> None: ...

class ListLiveCallsRequest(_message.Message):
    __slots__ = ("tenant", "most")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    most: int
    def __init__(self, tenant: _Optional[str] = ..., most: _Optional[int] = ...) -> None: ...

class ListLiveCallsResponse(_message.Message):
    __slots__ = ("calls", "total")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[LiveCall]
    total: int
    def __init__(self, calls: _Optional[_Iterable[_Union[LiveCall, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class HangUpRequest(_message.Message):
    __slots__ = ("call", "tenant")
    CALL_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    call: str
    tenant: str
    def __init__(self, call: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class HangUpResponse(_message.Message):
    __slots__ = ("edge", "pop")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    edge: str
    pop: str
    def __init__(self, edge: _Optional[str] = ..., pop: _Optional[str] = ...) -> None: ...

class LiveCall(_message.Message):
    __slots__ = ("call", "tenant", "domain", "number", "caller", "state", "start_time", "gateway")
    CALL_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    call: str
    tenant: str
    domain: str
    number: str
    caller: str
    state: str
    start_time: _timestamp_pb2.Timestamp
    gateway: str
    def __init__(self, call: _Optional[str] = ..., tenant: _Optional[str] = ..., domain: _Optional[str] = ..., number: _Optional[str] = ..., caller: _Optional[str] = ..., state: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gateway: _Optional[str] = ...) -> None: ...
