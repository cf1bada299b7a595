import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from trunkline.api.common.v1 import common_pb2 as _common_pb2
from trunkline.api.events.v1 import config_pb2 as _config_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Carrier(_message.Message):
    __slots__ = ("name", "settings", "gateways", "version", "is_suspended")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    IS_SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    name: str
    settings: _config_pb2.CarrierSettings
    gateways: _containers.RepeatedCompositeFieldContainer[Gateway]
    version: int
    is_suspended: bool
    def __init__(self, name: _Optional[str] = ..., settings: _Optional[_Union[_config_pb2.CarrierSettings, _Mapping]] = ..., gateways: _Optional[_Iterable[_Union[Gateway, _Mapping]]] = ..., version: _Optional[int] = ..., is_suspended: _Optional[bool] = ...) -> None: ...

class Gateway(_message.Message):
    __slots__ = ("name", "host", "port", "transport", "region", "priority", "weight", "tls_name", "takes_no_options")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TLS_NAME_FIELD_NUMBER: _ClassVar[int]
    TAKES_NO_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    host: str
    port: int
    transport: str
    region: str
    priority: int
    weight: int
    tls_name: str
    takes_no_options: bool
    def __init__(self, name: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ..., transport: _Optional[str] = ..., region: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ..., tls_name: _Optional[str] = ..., takes_no_options: _Optional[bool] = ...) -> None: ...

class CreateCarrierRequest(_message.Message):
    __slots__ = ("write", "carrier", "settings")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    carrier: str
    settings: _config_pb2.CarrierSettings
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., carrier: _Optional[str] = ..., settings: _Optional[_Union[_config_pb2.CarrierSettings, _Mapping]] = ...) -> None: ...

class CreateCarrierResponse(_message.Message):
    __slots__ = ("receipt", "carrier")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    carrier: Carrier
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., carrier: _Optional[_Union[Carrier, _Mapping]] = ...) -> None: ...

class ChangeCarrierRequest(_message.Message):
    __slots__ = ("write", "carrier", "settings")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    carrier: str
    settings: _config_pb2.CarrierSettings
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., carrier: _Optional[str] = ..., settings: _Optional[_Union[_config_pb2.CarrierSettings, _Mapping]] = ...) -> None: ...

class ChangeCarrierResponse(_message.Message):
    __slots__ = ("receipt", "carrier")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    carrier: Carrier
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., carrier: _Optional[_Union[Carrier, _Mapping]] = ...) -> None: ...

class SuspendCarrierRequest(_message.Message):
    __slots__ = ("write", "carrier", "is_ending_calls")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    IS_ENDING_CALLS_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    carrier: str
    is_ending_calls: bool
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., carrier: _Optional[str] = ..., is_ending_calls: _Optional[bool] = ...) -> None: ...

class SuspendCarrierResponse(_message.Message):
    __slots__ = ("receipt", "carrier")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    carrier: Carrier
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., carrier: _Optional[_Union[Carrier, _Mapping]] = ...) -> None: ...

class ResumeCarrierRequest(_message.Message):
    __slots__ = ("write", "carrier")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    carrier: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., carrier: _Optional[str] = ...) -> None: ...

class ResumeCarrierResponse(_message.Message):
    __slots__ = ("receipt", "carrier")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    carrier: Carrier
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., carrier: _Optional[_Union[Carrier, _Mapping]] = ...) -> None: ...

class ListCarriersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCarriersResponse(_message.Message):
    __slots__ = ("carriers",)
    CARRIERS_FIELD_NUMBER: _ClassVar[int]
    carriers: _containers.RepeatedCompositeFieldContainer[Carrier]
    def __init__(self, carriers: _Optional[_Iterable[_Union[Carrier, _Mapping]]] = ...) -> None: ...

class ListGatewayHealthRequest(_message.Message):
    __slots__ = ("carrier",)
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    carrier: str
    def __init__(self, carrier: _Optional[str] = ...) -> None: ...

class ListGatewayHealthResponse(_message.Message):
    __slots__ = ("sights",)
    SIGHTS_FIELD_NUMBER: _ClassVar[int]
    sights: _containers.RepeatedCompositeFieldContainer[GatewaySight]
    def __init__(self, sights: _Optional[_Iterable[_Union[GatewaySight, _Mapping]]] = ...) -> None: ...

class GatewaySight(_message.Message):
    __slots__ = ("carrier", "gateway", "edge", "pop", "region", "state", "since", "until", "why")
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    carrier: str
    gateway: str
    edge: str
    pop: str
    region: str
    state: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    why: str
    def __init__(self, carrier: _Optional[str] = ..., gateway: _Optional[str] = ..., edge: _Optional[str] = ..., pop: _Optional[str] = ..., region: _Optional[str] = ..., state: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., why: _Optional[str] = ...) -> None: ...

class AddGatewayRequest(_message.Message):
    __slots__ = ("write", "carrier", "gateway")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    carrier: str
    gateway: Gateway
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., carrier: _Optional[str] = ..., gateway: _Optional[_Union[Gateway, _Mapping]] = ...) -> None: ...

class AddGatewayResponse(_message.Message):
    __slots__ = ("receipt", "carrier")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    carrier: Carrier
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., carrier: _Optional[_Union[Carrier, _Mapping]] = ...) -> None: ...

class ChangeGatewayRequest(_message.Message):
    __slots__ = ("write", "carrier", "gateway", "host", "port", "transport", "region", "priority", "weight", "tls_name", "takes_no_options")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TLS_NAME_FIELD_NUMBER: _ClassVar[int]
    TAKES_NO_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    carrier: str
    gateway: str
    host: str
    port: int
    transport: str
    region: str
    priority: int
    weight: int
    tls_name: str
    takes_no_options: bool
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., carrier: _Optional[str] = ..., gateway: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ..., transport: _Optional[str] = ..., region: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ..., tls_name: _Optional[str] = ..., takes_no_options: _Optional[bool] = ...) -> None: ...

class ChangeGatewayResponse(_message.Message):
    __slots__ = ("receipt", "carrier")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    carrier: Carrier
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., carrier: _Optional[_Union[Carrier, _Mapping]] = ...) -> None: ...

class RemoveGatewayRequest(_message.Message):
    __slots__ = ("write", "carrier", "gateway")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    carrier: str
    gateway: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., carrier: _Optional[str] = ..., gateway: _Optional[str] = ...) -> None: ...

class RemoveGatewayResponse(_message.Message):
    __slots__ = ("receipt", "carrier")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    carrier: Carrier
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., carrier: _Optional[_Union[Carrier, _Mapping]] = ...) -> None: ...

class ImportDeckRequest(_message.Message):
    __slots__ = ("write", "deck", "currency", "csv")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    DECK_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    CSV_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    deck: str
    currency: str
    csv: bytes
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., deck: _Optional[str] = ..., currency: _Optional[str] = ..., csv: _Optional[bytes] = ...) -> None: ...

class ImportDeckResponse(_message.Message):
    __slots__ = ("receipt", "deck")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DECK_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    deck: Deck
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., deck: _Optional[_Union[Deck, _Mapping]] = ...) -> None: ...

class Deck(_message.Message):
    __slots__ = ("name", "revision", "rows", "currency", "version", "filling_rows", "filled_rows", "read_rows")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FILLING_ROWS_FIELD_NUMBER: _ClassVar[int]
    FILLED_ROWS_FIELD_NUMBER: _ClassVar[int]
    READ_ROWS_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: int
    rows: int
    currency: str
    version: int
    filling_rows: int
    filled_rows: int
    read_rows: int
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[int] = ..., rows: _Optional[int] = ..., currency: _Optional[str] = ..., version: _Optional[int] = ..., filling_rows: _Optional[int] = ..., filled_rows: _Optional[int] = ..., read_rows: _Optional[int] = ...) -> None: ...

class ListDecksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDecksResponse(_message.Message):
    __slots__ = ("decks",)
    DECKS_FIELD_NUMBER: _ClassVar[int]
    decks: _containers.RepeatedCompositeFieldContainer[Deck]
    def __init__(self, decks: _Optional[_Iterable[_Union[Deck, _Mapping]]] = ...) -> None: ...

class ListRoutesRequest(_message.Message):
    __slots__ = ("prefix", "page")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    page: _common_pb2.Page
    def __init__(self, prefix: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.Page, _Mapping]] = ...) -> None: ...

class ListRoutesResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "origins")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ORIGINS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[_config_pb2.DeckRow]
    next_page_token: str
    origins: _containers.RepeatedCompositeFieldContainer[RowOrigin]
    def __init__(self, rows: _Optional[_Iterable[_Union[_config_pb2.DeckRow, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., origins: _Optional[_Iterable[_Union[RowOrigin, _Mapping]]] = ...) -> None: ...

class RowOrigin(_message.Message):
    __slots__ = ("deck", "currency")
    DECK_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    deck: str
    currency: str
    def __init__(self, deck: _Optional[str] = ..., currency: _Optional[str] = ...) -> None: ...

class ResolveRequest(_message.Message):
    __slots__ = ("number", "region", "domain", "tenant")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    number: str
    region: str
    domain: str
    tenant: str
    def __init__(self, number: _Optional[str] = ..., region: _Optional[str] = ..., domain: _Optional[str] = ..., tenant: _Optional[str] = ...) -> None: ...

class ResolveResponse(_message.Message):
    __slots__ = ("reason", "prefix", "destination", "gateways", "position", "notes")
    REASON_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    reason: str
    prefix: str
    destination: str
    gateways: _containers.RepeatedCompositeFieldContainer[ResolvedGateway]
    position: int
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, reason: _Optional[str] = ..., prefix: _Optional[str] = ..., destination: _Optional[str] = ..., gateways: _Optional[_Iterable[_Union[ResolvedGateway, _Mapping]]] = ..., position: _Optional[int] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class ResolvedGateway(_message.Message):
    __slots__ = ("carrier", "gateway", "address", "rate_micros", "currency", "initial_increment_s", "next_increment_s", "connection_fee_micros")
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    INITIAL_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    NEXT_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FEE_MICROS_FIELD_NUMBER: _ClassVar[int]
    carrier: str
    gateway: str
    address: str
    rate_micros: int
    currency: str
    initial_increment_s: int
    next_increment_s: int
    connection_fee_micros: int
    def __init__(self, carrier: _Optional[str] = ..., gateway: _Optional[str] = ..., address: _Optional[str] = ..., rate_micros: _Optional[int] = ..., currency: _Optional[str] = ..., initial_increment_s: _Optional[int] = ..., next_increment_s: _Optional[int] = ..., connection_fee_micros: _Optional[int] = ...) -> None: ...

class DecideCallRequest(_message.Message):
    __slots__ = ("region", "tenant", "domain", "host", "number", "account", "account_caller_id", "from_uri", "privacy", "hints", "address_caller_id")
    REGION_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_URI_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    region: str
    tenant: str
    domain: str
    host: str
    number: str
    account: str
    account_caller_id: str
    from_uri: str
    privacy: _containers.RepeatedScalarFieldContainer[str]
    hints: _containers.RepeatedScalarFieldContainer[str]
    address_caller_id: str
    def __init__(self, region: _Optional[str] = ..., tenant: _Optional[str] = ..., domain: _Optional[str] = ..., host: _Optional[str] = ..., number: _Optional[str] = ..., account: _Optional[str] = ..., account_caller_id: _Optional[str] = ..., from_uri: _Optional[str] = ..., privacy: _Optional[_Iterable[str]] = ..., hints: _Optional[_Iterable[str]] = ..., address_caller_id: _Optional[str] = ...) -> None: ...

class DecideCallResponse(_message.Message):
    __slots__ = ("routed", "rejected", "position")
    ROUTED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    routed: RoutedCall
    rejected: RejectedCall
    position: int
    def __init__(self, routed: _Optional[_Union[RoutedCall, _Mapping]] = ..., rejected: _Optional[_Union[RejectedCall, _Mapping]] = ..., position: _Optional[int] = ...) -> None: ...

class RoutedCall(_message.Message):
    __slots__ = ("targets", "caller_id", "presented", "is_private", "privacy", "prefix", "notes", "max_duration_s", "is_last_resort")
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    PRESENTED_FIELD_NUMBER: _ClassVar[int]
    IS_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_RESORT_FIELD_NUMBER: _ClassVar[int]
    targets: _containers.RepeatedCompositeFieldContainer[RouteTarget]
    caller_id: str
    presented: str
    is_private: bool
    privacy: str
    prefix: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    max_duration_s: int
    is_last_resort: bool
    def __init__(self, targets: _Optional[_Iterable[_Union[RouteTarget, _Mapping]]] = ..., caller_id: _Optional[str] = ..., presented: _Optional[str] = ..., is_private: _Optional[bool] = ..., privacy: _Optional[str] = ..., prefix: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ..., max_duration_s: _Optional[int] = ..., is_last_resort: _Optional[bool] = ...) -> None: ...

class RouteTarget(_message.Message):
    __slots__ = ("gateway", "carrier", "address", "port", "transport", "is_trusted", "request_user", "from_name_addr", "asserted", "has_asserted_on_ack", "privacy", "pdd_limit_s", "rate_micros", "currency", "hides_topology", "shows_callee", "takes_refer", "initial_increment_s", "next_increment_s", "connection_fee_micros")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    IS_TRUSTED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_USER_FIELD_NUMBER: _ClassVar[int]
    FROM_NAME_ADDR_FIELD_NUMBER: _ClassVar[int]
    ASSERTED_FIELD_NUMBER: _ClassVar[int]
    HAS_ASSERTED_ON_ACK_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    PDD_LIMIT_S_FIELD_NUMBER: _ClassVar[int]
    RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    HIDES_TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    SHOWS_CALLEE_FIELD_NUMBER: _ClassVar[int]
    TAKES_REFER_FIELD_NUMBER: _ClassVar[int]
    INITIAL_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    NEXT_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FEE_MICROS_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    carrier: str
    address: str
    port: int
    transport: str
    is_trusted: bool
    request_user: str
    from_name_addr: str
    asserted: _containers.RepeatedScalarFieldContainer[str]
    has_asserted_on_ack: bool
    privacy: str
    pdd_limit_s: int
    rate_micros: int
    currency: str
    hides_topology: bool
    shows_callee: bool
    takes_refer: bool
    initial_increment_s: int
    next_increment_s: int
    connection_fee_micros: int
    def __init__(self, gateway: _Optional[str] = ..., carrier: _Optional[str] = ..., address: _Optional[str] = ..., port: _Optional[int] = ..., transport: _Optional[str] = ..., is_trusted: _Optional[bool] = ..., request_user: _Optional[str] = ..., from_name_addr: _Optional[str] = ..., asserted: _Optional[_Iterable[str]] = ..., has_asserted_on_ack: _Optional[bool] = ..., privacy: _Optional[str] = ..., pdd_limit_s: _Optional[int] = ..., rate_micros: _Optional[int] = ..., currency: _Optional[str] = ..., hides_topology: _Optional[bool] = ..., shows_callee: _Optional[bool] = ..., takes_refer: _Optional[bool] = ..., initial_increment_s: _Optional[int] = ..., next_increment_s: _Optional[int] = ..., connection_fee_micros: _Optional[int] = ...) -> None: ...

class RejectedCall(_message.Message):
    __slots__ = ("reason", "facts", "caller_id", "prefix", "notes")
    REASON_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    reason: str
    facts: str
    caller_id: str
    prefix: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, reason: _Optional[str] = ..., facts: _Optional[str] = ..., caller_id: _Optional[str] = ..., prefix: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...
