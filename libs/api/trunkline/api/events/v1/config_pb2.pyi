from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TenantCreated(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class TenantSuspended(_message.Message):
    __slots__ = ("is_ending_calls",)
    IS_ENDING_CALLS_FIELD_NUMBER: _ClassVar[int]
    is_ending_calls: bool
    def __init__(self, is_ending_calls: _Optional[bool] = ...) -> None: ...

class TenantResumed(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WebhookSet(_message.Message):
    __slots__ = ("url", "generation")
    URL_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    url: str
    generation: int
    def __init__(self, url: _Optional[str] = ..., generation: _Optional[int] = ...) -> None: ...

class ApiKeyCreated(_message.Message):
    __slots__ = ("key_hash", "name", "scopes", "expires_s")
    KEY_HASH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_S_FIELD_NUMBER: _ClassVar[int]
    key_hash: bytes
    name: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    expires_s: int
    def __init__(self, key_hash: _Optional[bytes] = ..., name: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., expires_s: _Optional[int] = ...) -> None: ...

class ApiKeyRevoked(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AclCreated(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AclDeleted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AddressAdded(_message.Message):
    __slots__ = ("cidr", "caller_id", "description")
    CIDR_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    cidr: str
    caller_id: str
    description: str
    def __init__(self, cidr: _Optional[str] = ..., caller_id: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class AddressRemoved(_message.Message):
    __slots__ = ("cidr",)
    CIDR_FIELD_NUMBER: _ClassVar[int]
    cidr: str
    def __init__(self, cidr: _Optional[str] = ...) -> None: ...

class BanExemptionApproved(_message.Message):
    __slots__ = ("cidr",)
    CIDR_FIELD_NUMBER: _ClassVar[int]
    cidr: str
    def __init__(self, cidr: _Optional[str] = ...) -> None: ...

class AccountAdded(_message.Message):
    __slots__ = ("username", "credential_id", "caller_id")
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_ID_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    username: str
    credential_id: str
    caller_id: str
    def __init__(self, username: _Optional[str] = ..., credential_id: _Optional[str] = ..., caller_id: _Optional[str] = ...) -> None: ...

class AccountCredentialChanged(_message.Message):
    __slots__ = ("username", "credential_id")
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_ID_FIELD_NUMBER: _ClassVar[int]
    username: str
    credential_id: str
    def __init__(self, username: _Optional[str] = ..., credential_id: _Optional[str] = ...) -> None: ...

class AccountRemoved(_message.Message):
    __slots__ = ("username",)
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    username: str
    def __init__(self, username: _Optional[str] = ...) -> None: ...

class DomainCreated(_message.Message):
    __slots__ = ("label",)
    LABEL_FIELD_NUMBER: _ClassVar[int]
    label: str
    def __init__(self, label: _Optional[str] = ...) -> None: ...

class DomainDeleted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AclAttached(_message.Message):
    __slots__ = ("acl",)
    ACL_FIELD_NUMBER: _ClassVar[int]
    acl: str
    def __init__(self, acl: _Optional[str] = ...) -> None: ...

class AclDetached(_message.Message):
    __slots__ = ("acl",)
    ACL_FIELD_NUMBER: _ClassVar[int]
    acl: str
    def __init__(self, acl: _Optional[str] = ...) -> None: ...

class DigestPolicySet(_message.Message):
    __slots__ = ("algorithms", "challenge_status", "is_qop_optional")
    ALGORITHMS_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_STATUS_FIELD_NUMBER: _ClassVar[int]
    IS_QOP_OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    algorithms: _containers.RepeatedScalarFieldContainer[str]
    challenge_status: int
    is_qop_optional: bool
    def __init__(self, algorithms: _Optional[_Iterable[str]] = ..., challenge_status: _Optional[int] = ..., is_qop_optional: _Optional[bool] = ...) -> None: ...

class ClassOfServiceSet(_message.Message):
    __slots__ = ("allowed_prefixes", "max_duration_s", "countries", "allows_premium", "max_rate_micros", "currency")
    ALLOWED_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    COUNTRIES_FIELD_NUMBER: _ClassVar[int]
    ALLOWS_PREMIUM_FIELD_NUMBER: _ClassVar[int]
    MAX_RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    allowed_prefixes: _containers.RepeatedScalarFieldContainer[str]
    max_duration_s: int
    countries: _containers.RepeatedScalarFieldContainer[str]
    allows_premium: bool
    max_rate_micros: int
    currency: str
    def __init__(self, allowed_prefixes: _Optional[_Iterable[str]] = ..., max_duration_s: _Optional[int] = ..., countries: _Optional[_Iterable[str]] = ..., allows_premium: _Optional[bool] = ..., max_rate_micros: _Optional[int] = ..., currency: _Optional[str] = ...) -> None: ...

class LimitsSet(_message.Message):
    __slots__ = ("max_calls", "max_calls_per_second")
    MAX_CALLS_FIELD_NUMBER: _ClassVar[int]
    MAX_CALLS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    max_calls: int
    max_calls_per_second: int
    def __init__(self, max_calls: _Optional[int] = ..., max_calls_per_second: _Optional[int] = ...) -> None: ...

class NearestPopSet(_message.Message):
    __slots__ = ("pop",)
    POP_FIELD_NUMBER: _ClassVar[int]
    pop: str
    def __init__(self, pop: _Optional[str] = ...) -> None: ...

class CaptureSet(_message.Message):
    __slots__ = ("percent", "until_s")
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_S_FIELD_NUMBER: _ClassVar[int]
    percent: int
    until_s: int
    def __init__(self, percent: _Optional[int] = ..., until_s: _Optional[int] = ...) -> None: ...

class IdentityPolicySet(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: IdentityPolicy
    def __init__(self, policy: _Optional[_Union[IdentityPolicy, _Mapping]] = ...) -> None: ...

class IdentityPolicy(_message.Message):
    __slots__ = ("sources", "allowed_caller_ids", "default_caller_id", "is_refusing", "shows_callee", "hiding")
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_CALLER_IDS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    IS_REFUSING_FIELD_NUMBER: _ClassVar[int]
    SHOWS_CALLEE_FIELD_NUMBER: _ClassVar[int]
    HIDING_FIELD_NUMBER: _ClassVar[int]
    sources: _containers.RepeatedScalarFieldContainer[str]
    allowed_caller_ids: _containers.RepeatedScalarFieldContainer[str]
    default_caller_id: str
    is_refusing: bool
    shows_callee: bool
    hiding: str
    def __init__(self, sources: _Optional[_Iterable[str]] = ..., allowed_caller_ids: _Optional[_Iterable[str]] = ..., default_caller_id: _Optional[str] = ..., is_refusing: _Optional[bool] = ..., shows_callee: _Optional[bool] = ..., hiding: _Optional[str] = ...) -> None: ...

class CredentialSet(_message.Message):
    __slots__ = ("username", "realm", "key_id", "sealed")
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    REALM_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    username: str
    realm: str
    key_id: str
    sealed: bytes
    def __init__(self, username: _Optional[str] = ..., realm: _Optional[str] = ..., key_id: _Optional[str] = ..., sealed: _Optional[bytes] = ...) -> None: ...

class CredentialErased(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CarrierCreated(_message.Message):
    __slots__ = ("settings",)
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    settings: CarrierSettings
    def __init__(self, settings: _Optional[_Union[CarrierSettings, _Mapping]] = ...) -> None: ...

class CarrierChanged(_message.Message):
    __slots__ = ("settings",)
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    settings: CarrierSettings
    def __init__(self, settings: _Optional[_Union[CarrierSettings, _Mapping]] = ...) -> None: ...

class CarrierSuspended(_message.Message):
    __slots__ = ("is_ending_calls",)
    IS_ENDING_CALLS_FIELD_NUMBER: _ClassVar[int]
    is_ending_calls: bool
    def __init__(self, is_ending_calls: _Optional[bool] = ...) -> None: ...

class CarrierResumed(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CarrierSettings(_message.Message):
    __slots__ = ("is_trusted", "has_pai_on_ack", "sends_pai_without_privacy", "pdd_limit_s", "number_format", "country_code", "international_prefix", "national_prefix", "pai_forms", "from_form", "hiding", "takes_refer")
    IS_TRUSTED_FIELD_NUMBER: _ClassVar[int]
    HAS_PAI_ON_ACK_FIELD_NUMBER: _ClassVar[int]
    SENDS_PAI_WITHOUT_PRIVACY_FIELD_NUMBER: _ClassVar[int]
    PDD_LIMIT_S_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FORMAT_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_CODE_FIELD_NUMBER: _ClassVar[int]
    INTERNATIONAL_PREFIX_FIELD_NUMBER: _ClassVar[int]
    NATIONAL_PREFIX_FIELD_NUMBER: _ClassVar[int]
    PAI_FORMS_FIELD_NUMBER: _ClassVar[int]
    FROM_FORM_FIELD_NUMBER: _ClassVar[int]
    HIDING_FIELD_NUMBER: _ClassVar[int]
    TAKES_REFER_FIELD_NUMBER: _ClassVar[int]
    is_trusted: bool
    has_pai_on_ack: bool
    sends_pai_without_privacy: bool
    pdd_limit_s: int
    number_format: str
    country_code: str
    international_prefix: str
    national_prefix: str
    pai_forms: str
    from_form: str
    hiding: str
    takes_refer: bool
    def __init__(self, is_trusted: _Optional[bool] = ..., has_pai_on_ack: _Optional[bool] = ..., sends_pai_without_privacy: _Optional[bool] = ..., pdd_limit_s: _Optional[int] = ..., number_format: _Optional[str] = ..., country_code: _Optional[str] = ..., international_prefix: _Optional[str] = ..., national_prefix: _Optional[str] = ..., pai_forms: _Optional[str] = ..., from_form: _Optional[str] = ..., hiding: _Optional[str] = ..., takes_refer: _Optional[bool] = ...) -> None: ...

class GatewayAdded(_message.Message):
    __slots__ = ("gateway", "host", "port", "transport", "region", "priority", "weight", "tls_name", "takes_no_options")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TLS_NAME_FIELD_NUMBER: _ClassVar[int]
    TAKES_NO_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    host: str
    port: int
    transport: str
    region: str
    priority: int
    weight: int
    tls_name: str
    takes_no_options: bool
    def __init__(self, gateway: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ..., transport: _Optional[str] = ..., region: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ..., tls_name: _Optional[str] = ..., takes_no_options: _Optional[bool] = ...) -> None: ...

class GatewayChanged(_message.Message):
    __slots__ = ("gateway", "host", "port", "transport", "region", "priority", "weight", "tls_name", "takes_no_options")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TLS_NAME_FIELD_NUMBER: _ClassVar[int]
    TAKES_NO_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    host: str
    port: int
    transport: str
    region: str
    priority: int
    weight: int
    tls_name: str
    takes_no_options: bool
    def __init__(self, gateway: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ..., transport: _Optional[str] = ..., region: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ..., tls_name: _Optional[str] = ..., takes_no_options: _Optional[bool] = ...) -> None: ...

class GatewayRemoved(_message.Message):
    __slots__ = ("gateway",)
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    def __init__(self, gateway: _Optional[str] = ...) -> None: ...

class DeckStarted(_message.Message):
    __slots__ = ("revision", "rows", "currency", "sha256")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    revision: int
    rows: int
    currency: str
    sha256: bytes
    def __init__(self, revision: _Optional[int] = ..., rows: _Optional[int] = ..., currency: _Optional[str] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class DeckRowsAdded(_message.Message):
    __slots__ = ("revision", "rows")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    revision: int
    rows: _containers.RepeatedCompositeFieldContainer[DeckRow]
    def __init__(self, revision: _Optional[int] = ..., rows: _Optional[_Iterable[_Union[DeckRow, _Mapping]]] = ...) -> None: ...

class DeckRow(_message.Message):
    __slots__ = ("prefix", "carrier", "priority", "weight", "rate_micros", "destination", "initial_increment_s", "next_increment_s", "connection_fee_micros")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    INITIAL_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    NEXT_INCREMENT_S_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FEE_MICROS_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    carrier: str
    priority: int
    weight: int
    rate_micros: int
    destination: str
    initial_increment_s: int
    next_increment_s: int
    connection_fee_micros: int
    def __init__(self, prefix: _Optional[str] = ..., carrier: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ..., rate_micros: _Optional[int] = ..., destination: _Optional[str] = ..., initial_increment_s: _Optional[int] = ..., next_increment_s: _Optional[int] = ..., connection_fee_micros: _Optional[int] = ...) -> None: ...

class DeckActivated(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    def __init__(self, revision: _Optional[int] = ...) -> None: ...

class PopDrained(_message.Message):
    __slots__ = ("since_s", "note")
    SINCE_S_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    since_s: int
    note: str
    def __init__(self, since_s: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class PopUndrained(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClaimTaken(_message.Message):
    __slots__ = ("owner_tenant", "owner_kind", "owner_aggregate")
    OWNER_TENANT_FIELD_NUMBER: _ClassVar[int]
    OWNER_KIND_FIELD_NUMBER: _ClassVar[int]
    OWNER_AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    owner_tenant: str
    owner_kind: str
    owner_aggregate: str
    def __init__(self, owner_tenant: _Optional[str] = ..., owner_kind: _Optional[str] = ..., owner_aggregate: _Optional[str] = ...) -> None: ...

class ClaimReleased(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
