import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from trunkline.api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListRecordsRequest(_message.Message):
    __slots__ = ("tenant", "page", "outcome", "domain", "reason", "since", "number", "until", "number_prefix", "pop", "carrier", "caller_id", "account")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    NUMBER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    page: _common_pb2.Page
    outcome: str
    domain: str
    reason: str
    since: _timestamp_pb2.Timestamp
    number: str
    until: _timestamp_pb2.Timestamp
    number_prefix: str
    pop: str
    carrier: str
    caller_id: str
    account: str
    def __init__(self, tenant: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.Page, _Mapping]] = ..., outcome: _Optional[str] = ..., domain: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., number: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., number_prefix: _Optional[str] = ..., pop: _Optional[str] = ..., carrier: _Optional[str] = ..., caller_id: _Optional[str] = ..., account: _Optional[str] = ...) -> None: ...

class ListRecordsResponse(_message.Message):
    __slots__ = ("records", "next_page_token")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[Record]
    next_page_token: str
    def __init__(self, records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetRecordRequest(_message.Message):
    __slots__ = ("tenant", "call")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    call: str
    def __init__(self, tenant: _Optional[str] = ..., call: _Optional[str] = ...) -> None: ...

class GetRecordResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: Record
    def __init__(self, record: _Optional[_Union[Record, _Mapping]] = ...) -> None: ...

class ExportRecordsRequest(_message.Message):
    __slots__ = ("tenant", "format", "outcome", "domain", "reason", "since", "number", "until", "number_prefix", "pop", "carrier", "caller_id", "account")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    NUMBER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    format: str
    outcome: str
    domain: str
    reason: str
    since: _timestamp_pb2.Timestamp
    number: str
    until: _timestamp_pb2.Timestamp
    number_prefix: str
    pop: str
    carrier: str
    caller_id: str
    account: str
    def __init__(self, tenant: _Optional[str] = ..., format: _Optional[str] = ..., outcome: _Optional[str] = ..., domain: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., number: _Optional[str] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., number_prefix: _Optional[str] = ..., pop: _Optional[str] = ..., carrier: _Optional[str] = ..., caller_id: _Optional[str] = ..., account: _Optional[str] = ...) -> None: ...

class ExportRecordsResponse(_message.Message):
    __slots__ = ("data", "records")
    DATA_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    records: int
    def __init__(self, data: _Optional[bytes] = ..., records: _Optional[int] = ...) -> None: ...

class WatchCallsRequest(_message.Message):
    __slots__ = ("tenant", "domain", "recent", "gather_ms", "most")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    RECENT_FIELD_NUMBER: _ClassVar[int]
    GATHER_MS_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    domain: str
    recent: int
    gather_ms: int
    most: int
    def __init__(self, tenant: _Optional[str] = ..., domain: _Optional[str] = ..., recent: _Optional[int] = ..., gather_ms: _Optional[int] = ..., most: _Optional[int] = ...) -> None: ...

class WatchCallsResponse(_message.Message):
    __slots__ = ("record", "skipped", "records", "is_reset")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    IS_RESET_FIELD_NUMBER: _ClassVar[int]
    record: Record
    skipped: int
    records: _containers.RepeatedCompositeFieldContainer[Record]
    is_reset: bool
    def __init__(self, record: _Optional[_Union[Record, _Mapping]] = ..., skipped: _Optional[int] = ..., records: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., is_reset: _Optional[bool] = ...) -> None: ...

class ListMessagesRequest(_message.Message):
    __slots__ = ("tenant", "call")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    call: str
    def __init__(self, tenant: _Optional[str] = ..., call: _Optional[str] = ...) -> None: ...

class ListMessagesResponse(_message.Message):
    __slots__ = ("messages", "call")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[CapturedMessage]
    call: str
    def __init__(self, messages: _Optional[_Iterable[_Union[CapturedMessage, _Mapping]]] = ..., call: _Optional[str] = ...) -> None: ...

class CapturedMessage(_message.Message):
    __slots__ = ("time", "direction", "source", "destination", "transport", "text", "cut_bytes", "edge", "side")
    TIME_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    direction: str
    source: str
    destination: str
    transport: str
    text: str
    cut_bytes: int
    edge: str
    side: str
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., direction: _Optional[str] = ..., source: _Optional[str] = ..., destination: _Optional[str] = ..., transport: _Optional[str] = ..., text: _Optional[str] = ..., cut_bytes: _Optional[int] = ..., edge: _Optional[str] = ..., side: _Optional[str] = ...) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ("tenant", "domain", "pop", "interval", "since", "until")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    domain: str
    pop: str
    interval: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, tenant: _Optional[str] = ..., domain: _Optional[str] = ..., pop: _Optional[str] = ..., interval: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("intervals", "total")
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    intervals: _containers.RepeatedCompositeFieldContainer[Usage]
    total: Usage
    def __init__(self, intervals: _Optional[_Iterable[_Union[Usage, _Mapping]]] = ..., total: _Optional[_Union[Usage, _Mapping]] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("start_time", "attempts", "answered", "refused", "failed", "cancelled", "open", "duration_ms", "billed_s", "average_duration_ms", "answer_seizure_ratio", "session_establishment_ratio", "session_establishment_effectiveness_ratio", "ineffective_session_attempts", "session_completion_ratio", "post_dial_delay_p50_ms", "post_dial_delay_p95_ms", "prices")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    BILLED_S_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_SEIZURE_RATIO_FIELD_NUMBER: _ClassVar[int]
    SESSION_ESTABLISHMENT_RATIO_FIELD_NUMBER: _ClassVar[int]
    SESSION_ESTABLISHMENT_EFFECTIVENESS_RATIO_FIELD_NUMBER: _ClassVar[int]
    INEFFECTIVE_SESSION_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    SESSION_COMPLETION_RATIO_FIELD_NUMBER: _ClassVar[int]
    POST_DIAL_DELAY_P50_MS_FIELD_NUMBER: _ClassVar[int]
    POST_DIAL_DELAY_P95_MS_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    attempts: int
    answered: int
    refused: int
    failed: int
    cancelled: int
    open: int
    duration_ms: int
    billed_s: int
    average_duration_ms: int
    answer_seizure_ratio: float
    session_establishment_ratio: float
    session_establishment_effectiveness_ratio: float
    ineffective_session_attempts: float
    session_completion_ratio: float
    post_dial_delay_p50_ms: int
    post_dial_delay_p95_ms: int
    prices: _containers.RepeatedCompositeFieldContainer[Money]
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempts: _Optional[int] = ..., answered: _Optional[int] = ..., refused: _Optional[int] = ..., failed: _Optional[int] = ..., cancelled: _Optional[int] = ..., open: _Optional[int] = ..., duration_ms: _Optional[int] = ..., billed_s: _Optional[int] = ..., average_duration_ms: _Optional[int] = ..., answer_seizure_ratio: _Optional[float] = ..., session_establishment_ratio: _Optional[float] = ..., session_establishment_effectiveness_ratio: _Optional[float] = ..., ineffective_session_attempts: _Optional[float] = ..., session_completion_ratio: _Optional[float] = ..., post_dial_delay_p50_ms: _Optional[int] = ..., post_dial_delay_p95_ms: _Optional[int] = ..., prices: _Optional[_Iterable[_Union[Money, _Mapping]]] = ...) -> None: ...

class Money(_message.Message):
    __slots__ = ("currency", "micros")
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    MICROS_FIELD_NUMBER: _ClassVar[int]
    currency: str
    micros: int
    def __init__(self, currency: _Optional[str] = ..., micros: _Optional[int] = ...) -> None: ...

class GetWebhookRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetWebhookResponse(_message.Message):
    __slots__ = ("url", "waiting", "delivered_total", "dropped_total", "last_delivery_time", "failures", "problem", "next_try_time")
    URL_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    DROPPED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    LAST_DELIVERY_TIME_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    NEXT_TRY_TIME_FIELD_NUMBER: _ClassVar[int]
    url: str
    waiting: int
    delivered_total: int
    dropped_total: int
    last_delivery_time: _timestamp_pb2.Timestamp
    failures: int
    problem: str
    next_try_time: _timestamp_pb2.Timestamp
    def __init__(self, url: _Optional[str] = ..., waiting: _Optional[int] = ..., delivered_total: _Optional[int] = ..., dropped_total: _Optional[int] = ..., last_delivery_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., failures: _Optional[int] = ..., problem: _Optional[str] = ..., next_try_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ShowWebhookSecretRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class ShowWebhookSecretResponse(_message.Message):
    __slots__ = ("secret",)
    SECRET_FIELD_NUMBER: _ClassVar[int]
    secret: str
    def __init__(self, secret: _Optional[str] = ...) -> None: ...

class ListUnrecordedRequest(_message.Message):
    __slots__ = ("tenant", "page", "what", "domain", "source", "since", "until")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    page: _common_pb2.Page
    what: str
    domain: str
    source: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, tenant: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.Page, _Mapping]] = ..., what: _Optional[str] = ..., domain: _Optional[str] = ..., source: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListUnrecordedResponse(_message.Message):
    __slots__ = ("counts", "next_page_token")
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[Unrecorded]
    next_page_token: str
    def __init__(self, counts: _Optional[_Iterable[_Union[Unrecorded, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Unrecorded(_message.Message):
    __slots__ = ("minute_time", "source", "what", "domain", "tenant", "number", "reason", "reason_text", "what_to_do", "edges")
    MINUTE_TIME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_TEXT_FIELD_NUMBER: _ClassVar[int]
    WHAT_TO_DO_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    minute_time: _timestamp_pb2.Timestamp
    source: str
    what: str
    domain: str
    tenant: str
    number: int
    reason: str
    reason_text: str
    what_to_do: str
    edges: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, minute_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ..., what: _Optional[str] = ..., domain: _Optional[str] = ..., tenant: _Optional[str] = ..., number: _Optional[int] = ..., reason: _Optional[str] = ..., reason_text: _Optional[str] = ..., what_to_do: _Optional[str] = ..., edges: _Optional[_Iterable[str]] = ...) -> None: ...

class GetTotalsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTotalsResponse(_message.Message):
    __slots__ = ("records", "facts", "answered", "open")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    records: int
    facts: int
    answered: int
    open: int
    def __init__(self, records: _Optional[int] = ..., facts: _Optional[int] = ..., answered: _Optional[int] = ..., open: _Optional[int] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("call", "tenant", "domain", "host", "number", "sip_call_id", "outcome", "setup_time", "ringing_time", "answer_time", "end_time", "duration_ms", "ended_by", "status", "reason", "reason_text", "facts", "q850", "source", "transport", "from_uri", "to_uri", "user_agent", "acl", "account", "address", "username", "digest_algorithm", "caller_id", "presented", "is_private", "privacy", "pop", "edge", "position", "attempts", "prefix", "price_micros", "currency", "notes", "max_duration_s", "billed_s", "post_dial_delay_ms")
    CALL_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SIP_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SETUP_TIME_FIELD_NUMBER: _ClassVar[int]
    RINGING_TIME_FIELD_NUMBER: _ClassVar[int]
    ANSWER_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_BY_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_TEXT_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    Q850_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    FROM_URI_FIELD_NUMBER: _ClassVar[int]
    TO_URI_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    PRESENTED_FIELD_NUMBER: _ClassVar[int]
    IS_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PRICE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    BILLED_S_FIELD_NUMBER: _ClassVar[int]
    POST_DIAL_DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    call: str
    tenant: str
    domain: str
    host: str
    number: str
    sip_call_id: str
    outcome: str
    setup_time: _timestamp_pb2.Timestamp
    ringing_time: _timestamp_pb2.Timestamp
    answer_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    duration_ms: int
    ended_by: str
    status: int
    reason: str
    reason_text: str
    facts: str
    q850: int
    source: str
    transport: str
    from_uri: str
    to_uri: str
    user_agent: str
    acl: str
    account: str
    address: str
    username: str
    digest_algorithm: str
    caller_id: str
    presented: str
    is_private: bool
    privacy: str
    pop: str
    edge: str
    position: int
    attempts: _containers.RepeatedCompositeFieldContainer[GatewayAttempt]
    prefix: str
    price_micros: int
    currency: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    max_duration_s: int
    billed_s: int
    post_dial_delay_ms: int
    def __init__(self, call: _Optional[str] = ..., tenant: _Optional[str] = ..., domain: _Optional[str] = ..., host: _Optional[str] = ..., number: _Optional[str] = ..., sip_call_id: _Optional[str] = ..., outcome: _Optional[str] = ..., setup_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ringing_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., answer_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration_ms: _Optional[int] = ..., ended_by: _Optional[str] = ..., status: _Optional[int] = ..., reason: _Optional[str] = ..., reason_text: _Optional[str] = ..., facts: _Optional[str] = ..., q850: _Optional[int] = ..., source: _Optional[str] = ..., transport: _Optional[str] = ..., from_uri: _Optional[str] = ..., to_uri: _Optional[str] = ..., user_agent: _Optional[str] = ..., acl: _Optional[str] = ..., account: _Optional[str] = ..., address: _Optional[str] = ..., username: _Optional[str] = ..., digest_algorithm: _Optional[str] = ..., caller_id: _Optional[str] = ..., presented: _Optional[str] = ..., is_private: _Optional[bool] = ..., privacy: _Optional[str] = ..., pop: _Optional[str] = ..., edge: _Optional[str] = ..., position: _Optional[int] = ..., attempts: _Optional[_Iterable[_Union[GatewayAttempt, _Mapping]]] = ..., prefix: _Optional[str] = ..., price_micros: _Optional[int] = ..., currency: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ..., max_duration_s: _Optional[int] = ..., billed_s: _Optional[int] = ..., post_dial_delay_ms: _Optional[int] = ...) -> None: ...

class GatewayAttempt(_message.Message):
    __slots__ = ("number", "carrier", "gateway", "address", "time", "result", "status", "rate_micros", "elapsed_ms", "initial_increment_s", "next_increment_s", "connection_fee_micros")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_MS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    NEXT_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FEE_MICROS_FIELD_NUMBER: _ClassVar[int]
    number: int
    carrier: str
    gateway: str
    address: str
    time: _timestamp_pb2.Timestamp
    result: str
    status: int
    rate_micros: int
    elapsed_ms: int
    initial_increment_s: int
    next_increment_s: int
    connection_fee_micros: int
    def __init__(self, number: _Optional[int] = ..., carrier: _Optional[str] = ..., gateway: _Optional[str] = ..., address: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., result: _Optional[str] = ..., status: _Optional[int] = ..., rate_micros: _Optional[int] = ..., elapsed_ms: _Optional[int] = ..., initial_increment_s: _Optional[int] = ..., next_increment_s: _Optional[int] = ..., connection_fee_micros: _Optional[int] = ...) -> None: ...
