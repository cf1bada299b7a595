import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from trunkline.api.common.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SetCredentialRequest(_message.Message):
    __slots__ = ("write", "tenant", "credential_id", "username", "password")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_ID_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    credential_id: str
    username: str
    password: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., credential_id: _Optional[str] = ..., username: _Optional[str] = ..., password: _Optional[str] = ...) -> None: ...

class SetCredentialResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ...) -> None: ...

class EraseCredentialRequest(_message.Message):
    __slots__ = ("write", "tenant", "credential_id")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_ID_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    credential_id: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., credential_id: _Optional[str] = ...) -> None: ...

class EraseCredentialResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ...) -> None: ...

class AuthorizeRequest(_message.Message):
    __slots__ = ("host", "source", "method", "credentials", "number", "sip_call_id", "assumed_username", "is_assumed_right", "min_position")
    HOST_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SIP_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    ASSUMED_USERNAME_FIELD_NUMBER: _ClassVar[int]
    IS_ASSUMED_RIGHT_FIELD_NUMBER: _ClassVar[int]
    MIN_POSITION_FIELD_NUMBER: _ClassVar[int]
    host: str
    source: str
    method: str
    credentials: _containers.RepeatedScalarFieldContainer[str]
    number: str
    sip_call_id: str
    assumed_username: str
    is_assumed_right: bool
    min_position: int
    def __init__(self, host: _Optional[str] = ..., source: _Optional[str] = ..., method: _Optional[str] = ..., credentials: _Optional[_Iterable[str]] = ..., number: _Optional[str] = ..., sip_call_id: _Optional[str] = ..., assumed_username: _Optional[str] = ..., is_assumed_right: _Optional[bool] = ..., min_position: _Optional[int] = ...) -> None: ...

class AuthorizeResponse(_message.Message):
    __slots__ = ("outcome", "reason", "tenant", "domain", "acl", "account", "address", "account_caller_id", "steps", "position", "is_stale", "algorithms", "challenge_status", "is_qop_optional", "digest_algorithm", "facts", "address_caller_id")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    IS_STALE_FIELD_NUMBER: _ClassVar[int]
    ALGORITHMS_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_STATUS_FIELD_NUMBER: _ClassVar[int]
    IS_QOP_OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    DIGEST_ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    reason: str
    tenant: str
    domain: str
    acl: str
    account: str
    address: str
    account_caller_id: str
    steps: _containers.RepeatedScalarFieldContainer[str]
    position: int
    is_stale: bool
    algorithms: _containers.RepeatedScalarFieldContainer[str]
    challenge_status: int
    is_qop_optional: bool
    digest_algorithm: str
    facts: str
    address_caller_id: str
    def __init__(self, outcome: _Optional[str] = ..., reason: _Optional[str] = ..., tenant: _Optional[str] = ..., domain: _Optional[str] = ..., acl: _Optional[str] = ..., account: _Optional[str] = ..., address: _Optional[str] = ..., account_caller_id: _Optional[str] = ..., steps: _Optional[_Iterable[str]] = ..., position: _Optional[int] = ..., is_stale: _Optional[bool] = ..., algorithms: _Optional[_Iterable[str]] = ..., challenge_status: _Optional[int] = ..., is_qop_optional: _Optional[bool] = ..., digest_algorithm: _Optional[str] = ..., facts: _Optional[str] = ..., address_caller_id: _Optional[str] = ...) -> None: ...

class ListBansRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class ListBansResponse(_message.Message):
    __slots__ = ("bans", "total")
    BANS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    bans: _containers.RepeatedCompositeFieldContainer[Ban]
    total: int
    def __init__(self, bans: _Optional[_Iterable[_Union[Ban, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class Ban(_message.Message):
    __slots__ = ("cidr", "issued_time", "until_time", "reason", "issuer")
    CIDR_FIELD_NUMBER: _ClassVar[int]
    ISSUED_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    cidr: str
    issued_time: _timestamp_pb2.Timestamp
    until_time: _timestamp_pb2.Timestamp
    reason: str
    issuer: str
    def __init__(self, cidr: _Optional[str] = ..., issued_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., issuer: _Optional[str] = ...) -> None: ...

class BanAddressRequest(_message.Message):
    __slots__ = ("address", "duration", "reason")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    address: str
    duration: _duration_pb2.Duration
    reason: str
    def __init__(self, address: _Optional[str] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class BanAddressResponse(_message.Message):
    __slots__ = ("ban",)
    BAN_FIELD_NUMBER: _ClassVar[int]
    ban: Ban
    def __init__(self, ban: _Optional[_Union[Ban, _Mapping]] = ...) -> None: ...

class LiftBanRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class LiftBanResponse(_message.Message):
    __slots__ = ("bans",)
    BANS_FIELD_NUMBER: _ClassVar[int]
    bans: _containers.RepeatedCompositeFieldContainer[Ban]
    def __init__(self, bans: _Optional[_Iterable[_Union[Ban, _Mapping]]] = ...) -> None: ...

class FetchKeysRequest(_message.Message):
    __slots__ = ("tenants",)
    TENANTS_FIELD_NUMBER: _ClassVar[int]
    tenants: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tenants: _Optional[_Iterable[str]] = ...) -> None: ...

class FetchKeysResponse(_message.Message):
    __slots__ = ("tenant_keys", "nonce_keys", "token_keys")
    TENANT_KEYS_FIELD_NUMBER: _ClassVar[int]
    NONCE_KEYS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_KEYS_FIELD_NUMBER: _ClassVar[int]
    tenant_keys: _containers.RepeatedCompositeFieldContainer[TenantKey]
    nonce_keys: _containers.RepeatedCompositeFieldContainer[RotatingKey]
    token_keys: _containers.RepeatedCompositeFieldContainer[RotatingKey]
    def __init__(self, tenant_keys: _Optional[_Iterable[_Union[TenantKey, _Mapping]]] = ..., nonce_keys: _Optional[_Iterable[_Union[RotatingKey, _Mapping]]] = ..., token_keys: _Optional[_Iterable[_Union[RotatingKey, _Mapping]]] = ...) -> None: ...

class TenantKey(_message.Message):
    __slots__ = ("tenant", "key_id", "key")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    key_id: str
    key: bytes
    def __init__(self, tenant: _Optional[str] = ..., key_id: _Optional[str] = ..., key: _Optional[bytes] = ...) -> None: ...

class RotatingKey(_message.Message):
    __slots__ = ("key_id", "key", "not_before", "not_after", "is_current")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_FIELD_NUMBER: _ClassVar[int]
    IS_CURRENT_FIELD_NUMBER: _ClassVar[int]
    key_id: int
    key: bytes
    not_before: _timestamp_pb2.Timestamp
    not_after: _timestamp_pb2.Timestamp
    is_current: bool
    def __init__(self, key_id: _Optional[int] = ..., key: _Optional[bytes] = ..., not_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., not_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_current: _Optional[bool] = ...) -> None: ...

class ForgetTenantRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class ForgetTenantResponse(_message.Message):
    __slots__ = ("stores",)
    STORES_FIELD_NUMBER: _ClassVar[int]
    stores: _containers.RepeatedCompositeFieldContainer[KeyStoreAnswer]
    def __init__(self, stores: _Optional[_Iterable[_Union[KeyStoreAnswer, _Mapping]]] = ...) -> None: ...

class KeyStoreAnswer(_message.Message):
    __slots__ = ("store", "is_forgotten", "problem")
    STORE_FIELD_NUMBER: _ClassVar[int]
    IS_FORGOTTEN_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    store: str
    is_forgotten: bool
    problem: str
    def __init__(self, store: _Optional[str] = ..., is_forgotten: _Optional[bool] = ..., problem: _Optional[str] = ...) -> None: ...

class KeySet(_message.Message):
    __slots__ = ("tenant_keys", "forgotten_tenants", "nonce_keys", "token_keys")
    TENANT_KEYS_FIELD_NUMBER: _ClassVar[int]
    FORGOTTEN_TENANTS_FIELD_NUMBER: _ClassVar[int]
    NONCE_KEYS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_KEYS_FIELD_NUMBER: _ClassVar[int]
    tenant_keys: _containers.RepeatedCompositeFieldContainer[TenantKey]
    forgotten_tenants: _containers.RepeatedScalarFieldContainer[str]
    nonce_keys: _containers.RepeatedCompositeFieldContainer[RotatingKey]
    token_keys: _containers.RepeatedCompositeFieldContainer[RotatingKey]
    def __init__(self, tenant_keys: _Optional[_Iterable[_Union[TenantKey, _Mapping]]] = ..., forgotten_tenants: _Optional[_Iterable[str]] = ..., nonce_keys: _Optional[_Iterable[_Union[RotatingKey, _Mapping]]] = ..., token_keys: _Optional[_Iterable[_Union[RotatingKey, _Mapping]]] = ...) -> None: ...

class SyncKeysRequest(_message.Message):
    __slots__ = ("keys", "digest", "wanted")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    keys: KeySet
    digest: bytes
    wanted: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, keys: _Optional[_Union[KeySet, _Mapping]] = ..., digest: _Optional[bytes] = ..., wanted: _Optional[_Iterable[int]] = ...) -> None: ...

class SyncKeysResponse(_message.Message):
    __slots__ = ("buckets", "keys", "answered")
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    buckets: bytes
    keys: KeySet
    answered: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, buckets: _Optional[bytes] = ..., keys: _Optional[_Union[KeySet, _Mapping]] = ..., answered: _Optional[_Iterable[int]] = ...) -> None: ...
