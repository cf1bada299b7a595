from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CallFactBatch(_message.Message):
    __slots__ = ("edge", "pop", "region", "segment", "offset", "lines")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    edge: str
    pop: str
    region: str
    segment: str
    offset: int
    lines: bytes
    def __init__(self, edge: _Optional[str] = ..., pop: _Optional[str] = ..., region: _Optional[str] = ..., segment: _Optional[str] = ..., offset: _Optional[int] = ..., lines: _Optional[bytes] = ...) -> None: ...

class CallFact(_message.Message):
    __slots__ = ("call", "id", "time_ns", "attempted", "refused", "gateway_tried", "gateway_failed", "progressed", "answered", "failed", "ended", "counted", "hung_up", "presumed_over")
    CALL_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_TRIED_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FAILED_FIELD_NUMBER: _ClassVar[int]
    PROGRESSED_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    HUNG_UP_FIELD_NUMBER: _ClassVar[int]
    PRESUMED_OVER_FIELD_NUMBER: _ClassVar[int]
    call: str
    id: str
    time_ns: int
    attempted: Attempted
    refused: Refused
    gateway_tried: GatewayTried
    gateway_failed: GatewayFailed
    progressed: Progressed
    answered: Answered
    failed: Failed
    ended: Ended
    counted: Counted
    hung_up: HungUp
    presumed_over: PresumedOver
    def __init__(self, call: _Optional[str] = ..., id: _Optional[str] = ..., time_ns: _Optional[int] = ..., attempted: _Optional[_Union[Attempted, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., gateway_tried: _Optional[_Union[GatewayTried, _Mapping]] = ..., gateway_failed: _Optional[_Union[GatewayFailed, _Mapping]] = ..., progressed: _Optional[_Union[Progressed, _Mapping]] = ..., answered: _Optional[_Union[Answered, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., ended: _Optional[_Union[Ended, _Mapping]] = ..., counted: _Optional[_Union[Counted, _Mapping]] = ..., hung_up: _Optional[_Union[HungUp, _Mapping]] = ..., presumed_over: _Optional[_Union[PresumedOver, _Mapping]] = ...) -> None: ...

class Attempted(_message.Message):
    __slots__ = ("tenant", "domain", "host", "number", "sip_call_id", "from_uri", "to_uri", "user_agent", "source", "transport", "pop", "edge", "acl", "account", "address", "digest_algorithm", "position", "caller_id", "presented", "is_private", "privacy", "prefix", "username", "notes", "max_duration_s", "is_source_proved")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SIP_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_URI_FIELD_NUMBER: _ClassVar[int]
    TO_URI_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    PRESENTED_FIELD_NUMBER: _ClassVar[int]
    IS_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    IS_SOURCE_PROVED_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    domain: str
    host: str
    number: str
    sip_call_id: str
    from_uri: str
    to_uri: str
    user_agent: str
    source: str
    transport: str
    pop: str
    edge: str
    acl: str
    account: str
    address: str
    digest_algorithm: str
    position: int
    caller_id: str
    presented: str
    is_private: bool
    privacy: str
    prefix: str
    username: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    max_duration_s: int
    is_source_proved: bool
    def __init__(self, tenant: _Optional[str] = ..., domain: _Optional[str] = ..., host: _Optional[str] = ..., number: _Optional[str] = ..., sip_call_id: _Optional[str] = ..., from_uri: _Optional[str] = ..., to_uri: _Optional[str] = ..., user_agent: _Optional[str] = ..., source: _Optional[str] = ..., transport: _Optional[str] = ..., pop: _Optional[str] = ..., edge: _Optional[str] = ..., acl: _Optional[str] = ..., account: _Optional[str] = ..., address: _Optional[str] = ..., digest_algorithm: _Optional[str] = ..., position: _Optional[int] = ..., caller_id: _Optional[str] = ..., presented: _Optional[str] = ..., is_private: _Optional[bool] = ..., privacy: _Optional[str] = ..., prefix: _Optional[str] = ..., username: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ..., max_duration_s: _Optional[int] = ..., is_source_proved: _Optional[bool] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("status", "reason", "q850", "facts")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    Q850_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    status: int
    reason: str
    q850: int
    facts: str
    def __init__(self, status: _Optional[int] = ..., reason: _Optional[str] = ..., q850: _Optional[int] = ..., facts: _Optional[str] = ...) -> None: ...

class GatewayTried(_message.Message):
    __slots__ = ("number", "carrier", "gateway", "address", "rate_micros", "currency", "from_uri", "initial_increment_s", "next_increment_s", "connection_fee_micros")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    FROM_URI_FIELD_NUMBER: _ClassVar[int]
    INITIAL_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    NEXT_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FEE_MICROS_FIELD_NUMBER: _ClassVar[int]
    number: int
    carrier: str
    gateway: str
    address: str
    rate_micros: int
    currency: str
    from_uri: str
    initial_increment_s: int
    next_increment_s: int
    connection_fee_micros: int
    def __init__(self, number: _Optional[int] = ..., carrier: _Optional[str] = ..., gateway: _Optional[str] = ..., address: _Optional[str] = ..., rate_micros: _Optional[int] = ..., currency: _Optional[str] = ..., from_uri: _Optional[str] = ..., initial_increment_s: _Optional[int] = ..., next_increment_s: _Optional[int] = ..., connection_fee_micros: _Optional[int] = ...) -> None: ...

class GatewayFailed(_message.Message):
    __slots__ = ("number", "status", "cause")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    number: int
    status: int
    cause: str
    def __init__(self, number: _Optional[int] = ..., status: _Optional[int] = ..., cause: _Optional[str] = ...) -> None: ...

class Progressed(_message.Message):
    __slots__ = ("number", "status")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    number: int
    status: int
    def __init__(self, number: _Optional[int] = ..., status: _Optional[int] = ...) -> None: ...

class Answered(_message.Message):
    __slots__ = ("number", "status")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    number: int
    status: int
    def __init__(self, number: _Optional[int] = ..., status: _Optional[int] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("status", "reason", "q850", "by")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    Q850_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    status: int
    reason: str
    q850: int
    by: str
    def __init__(self, status: _Optional[int] = ..., reason: _Optional[str] = ..., q850: _Optional[int] = ..., by: _Optional[str] = ...) -> None: ...

class HungUp(_message.Message):
    __slots__ = ("reason", "facts")
    REASON_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    facts: str
    def __init__(self, reason: _Optional[str] = ..., facts: _Optional[str] = ...) -> None: ...

class Ended(_message.Message):
    __slots__ = ("by", "q850", "answered_ns")
    BY_FIELD_NUMBER: _ClassVar[int]
    Q850_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_NS_FIELD_NUMBER: _ClassVar[int]
    by: str
    q850: int
    answered_ns: int
    def __init__(self, by: _Optional[str] = ..., q850: _Optional[int] = ..., answered_ns: _Optional[int] = ...) -> None: ...

class CapturedBatch(_message.Message):
    __slots__ = ("edge", "pop", "messages", "dropped")
    EDGE_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    edge: str
    pop: str
    messages: _containers.RepeatedCompositeFieldContainer[CapturedText]
    dropped: int
    def __init__(self, edge: _Optional[str] = ..., pop: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[CapturedText, _Mapping]]] = ..., dropped: _Optional[int] = ...) -> None: ...

class CapturedText(_message.Message):
    __slots__ = ("call", "time_ns", "is_received", "number", "ours", "peer", "transport", "text", "cut_bytes", "tenant", "is_sampled")
    CALL_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    IS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OURS_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    IS_SAMPLED_FIELD_NUMBER: _ClassVar[int]
    call: str
    time_ns: int
    is_received: bool
    number: int
    ours: str
    peer: str
    transport: str
    text: str
    cut_bytes: int
    tenant: str
    is_sampled: bool
    def __init__(self, call: _Optional[str] = ..., time_ns: _Optional[int] = ..., is_received: _Optional[bool] = ..., number: _Optional[int] = ..., ours: _Optional[str] = ..., peer: _Optional[str] = ..., transport: _Optional[str] = ..., text: _Optional[str] = ..., cut_bytes: _Optional[int] = ..., tenant: _Optional[str] = ..., is_sampled: _Optional[bool] = ...) -> None: ...

class PresumedOver(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Counted(_message.Message):
    __slots__ = ("source", "what", "number", "minute_ns", "domain", "tenant", "proved")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MINUTE_NS_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROVED_FIELD_NUMBER: _ClassVar[int]
    source: str
    what: str
    number: int
    minute_ns: int
    domain: str
    tenant: str
    proved: int
    def __init__(self, source: _Optional[str] = ..., what: _Optional[str] = ..., number: _Optional[int] = ..., minute_ns: _Optional[int] = ..., domain: _Optional[str] = ..., tenant: _Optional[str] = ..., proved: _Optional[int] = ...) -> None: ...
