from trunkline.api.common.v1 import common_pb2 as _common_pb2
from trunkline.api.events.v1 import config_pb2 as _config_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Carrier(_message.Message):
    __slots__ = ("name", "settings", "gateways", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    settings: _config_pb2.CarrierSettings
    gateways: _containers.RepeatedCompositeFieldContainer[Gateway]
    version: int
    def __init__(self, name: _Optional[str] = ..., settings: _Optional[_Union[_config_pb2.CarrierSettings, _Mapping]] = ..., gateways: _Optional[_Iterable[_Union[Gateway, _Mapping]]] = ..., version: _Optional[int] = ...) -> None: ...

class Gateway(_message.Message):
    __slots__ = ("name", "host", "port", "transport", "region", "priority", "weight")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    name: str
    host: str
    port: int
    transport: str
    region: str
    priority: int
    weight: int
    def __init__(self, name: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ..., transport: _Optional[str] = ..., region: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ...) -> None: ...

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

class ListCarriersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCarriersResponse(_message.Message):
    __slots__ = ("carriers",)
    CARRIERS_FIELD_NUMBER: _ClassVar[int]
    carriers: _containers.RepeatedCompositeFieldContainer[Carrier]
    def __init__(self, carriers: _Optional[_Iterable[_Union[Carrier, _Mapping]]] = ...) -> None: ...

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
    __slots__ = ("name", "revision", "rows", "currency", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: int
    rows: int
    currency: str
    version: int
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[int] = ..., rows: _Optional[int] = ..., currency: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("rows", "next_page_token")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[_config_pb2.DeckRow]
    next_page_token: str
    def __init__(self, rows: _Optional[_Iterable[_Union[_config_pb2.DeckRow, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("reason", "prefix", "destination", "gateways", "position")
    REASON_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    reason: str
    prefix: str
    destination: str
    gateways: _containers.RepeatedCompositeFieldContainer[ResolvedGateway]
    position: int
    def __init__(self, reason: _Optional[str] = ..., prefix: _Optional[str] = ..., destination: _Optional[str] = ..., gateways: _Optional[_Iterable[_Union[ResolvedGateway, _Mapping]]] = ..., position: _Optional[int] = ...) -> None: ...

class ResolvedGateway(_message.Message):
    __slots__ = ("carrier", "gateway", "address", "rate_micros", "currency")
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    carrier: str
    gateway: str
    address: str
    rate_micros: int
    currency: str
    def __init__(self, carrier: _Optional[str] = ..., gateway: _Optional[str] = ..., address: _Optional[str] = ..., rate_micros: _Optional[int] = ..., currency: _Optional[str] = ...) -> None: ...
