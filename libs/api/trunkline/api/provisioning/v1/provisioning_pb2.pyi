import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from trunkline.api.common.v1 import common_pb2 as _common_pb2
from trunkline.api.events.v1 import commit_pb2 as _commit_pb2
from trunkline.api.events.v1 import config_pb2 as _config_pb2
from trunkline.api.records.v1 import records_pb2 as _records_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WhoAmIRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WhoAmIResponse(_message.Message):
    __slots__ = ("role", "tenant", "actor", "api_key")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    role: str
    tenant: str
    actor: str
    api_key: ApiKey
    def __init__(self, role: _Optional[str] = ..., tenant: _Optional[str] = ..., actor: _Optional[str] = ..., api_key: _Optional[_Union[ApiKey, _Mapping]] = ...) -> None: ...

class Tenant(_message.Message):
    __slots__ = ("id", "name", "version", "is_suspended", "class_of_service", "limits", "webhook_url")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    IS_SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    CLASS_OF_SERVICE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    WEBHOOK_URL_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    version: int
    is_suspended: bool
    class_of_service: _config_pb2.ClassOfServiceSet
    limits: _config_pb2.LimitsSet
    webhook_url: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., is_suspended: _Optional[bool] = ..., class_of_service: _Optional[_Union[_config_pb2.ClassOfServiceSet, _Mapping]] = ..., limits: _Optional[_Union[_config_pb2.LimitsSet, _Mapping]] = ..., webhook_url: _Optional[str] = ...) -> None: ...

class CreateTenantRequest(_message.Message):
    __slots__ = ("write", "tenant", "name")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    name: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class CreateTenantResponse(_message.Message):
    __slots__ = ("receipt", "tenant")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    tenant: Tenant
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., tenant: _Optional[_Union[Tenant, _Mapping]] = ...) -> None: ...

class SuspendTenantRequest(_message.Message):
    __slots__ = ("write", "tenant", "is_ending_calls")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    IS_ENDING_CALLS_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    is_ending_calls: bool
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., is_ending_calls: _Optional[bool] = ...) -> None: ...

class SuspendTenantResponse(_message.Message):
    __slots__ = ("receipt", "tenant")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    tenant: Tenant
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., tenant: _Optional[_Union[Tenant, _Mapping]] = ...) -> None: ...

class ResumeTenantRequest(_message.Message):
    __slots__ = ("write", "tenant")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ...) -> None: ...

class ResumeTenantResponse(_message.Message):
    __slots__ = ("receipt", "tenant")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    tenant: Tenant
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., tenant: _Optional[_Union[Tenant, _Mapping]] = ...) -> None: ...

class SetWebhookRequest(_message.Message):
    __slots__ = ("write", "tenant", "url", "is_new_secret")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    IS_NEW_SECRET_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    url: str
    is_new_secret: bool
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., url: _Optional[str] = ..., is_new_secret: _Optional[bool] = ...) -> None: ...

class SetWebhookResponse(_message.Message):
    __slots__ = ("receipt", "tenant")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    tenant: Tenant
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., tenant: _Optional[_Union[Tenant, _Mapping]] = ...) -> None: ...

class GetTenantRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetTenantResponse(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: Tenant
    def __init__(self, tenant: _Optional[_Union[Tenant, _Mapping]] = ...) -> None: ...

class ListTenantsRequest(_message.Message):
    __slots__ = ("page",)
    PAGE_FIELD_NUMBER: _ClassVar[int]
    page: _common_pb2.Page
    def __init__(self, page: _Optional[_Union[_common_pb2.Page, _Mapping]] = ...) -> None: ...

class ListTenantsResponse(_message.Message):
    __slots__ = ("tenants", "next_page_token")
    TENANTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tenants: _containers.RepeatedCompositeFieldContainer[Tenant]
    next_page_token: str
    def __init__(self, tenants: _Optional[_Iterable[_Union[Tenant, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ApiKey(_message.Message):
    __slots__ = ("id", "name", "version", "scopes", "expire_time", "is_expired", "last_use_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    IS_EXPIRED_FIELD_NUMBER: _ClassVar[int]
    LAST_USE_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    version: int
    scopes: _containers.RepeatedScalarFieldContainer[str]
    expire_time: _timestamp_pb2.Timestamp
    is_expired: bool
    last_use_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., scopes: _Optional[_Iterable[str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_expired: _Optional[bool] = ..., last_use_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateApiKeyRequest(_message.Message):
    __slots__ = ("write", "tenant", "name", "key_hash", "scopes", "expire_time")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_HASH_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    name: str
    key_hash: bytes
    scopes: _containers.RepeatedScalarFieldContainer[str]
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., name: _Optional[str] = ..., key_hash: _Optional[bytes] = ..., scopes: _Optional[_Iterable[str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateApiKeyResponse(_message.Message):
    __slots__ = ("receipt", "api_key")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    api_key: ApiKey
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., api_key: _Optional[_Union[ApiKey, _Mapping]] = ...) -> None: ...

class RevokeApiKeyRequest(_message.Message):
    __slots__ = ("write", "tenant", "api_key")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    api_key: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., api_key: _Optional[str] = ...) -> None: ...

class RevokeApiKeyResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ...) -> None: ...

class ListApiKeysRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class ListApiKeysResponse(_message.Message):
    __slots__ = ("api_keys",)
    API_KEYS_FIELD_NUMBER: _ClassVar[int]
    api_keys: _containers.RepeatedCompositeFieldContainer[ApiKey]
    def __init__(self, api_keys: _Optional[_Iterable[_Union[ApiKey, _Mapping]]] = ...) -> None: ...

class ListHistoryRequest(_message.Message):
    __slots__ = ("tenant", "page", "kind", "aggregate", "actor", "since", "until", "source")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    page: _common_pb2.Page
    kind: str
    aggregate: str
    actor: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    source: str
    def __init__(self, tenant: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.Page, _Mapping]] = ..., kind: _Optional[str] = ..., aggregate: _Optional[str] = ..., actor: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ...) -> None: ...

class ListHistoryResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[HistoryEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[HistoryEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class HistoryEntry(_message.Message):
    __slots__ = ("position", "time", "actor", "source", "request_id", "kind", "tenant", "aggregate", "version", "changes", "events", "trace_id", "key_name", "person")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_NAME_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    position: int
    time: _timestamp_pb2.Timestamp
    actor: str
    source: str
    request_id: str
    kind: str
    tenant: str
    aggregate: str
    version: int
    changes: _containers.RepeatedScalarFieldContainer[str]
    events: _containers.RepeatedCompositeFieldContainer[_commit_pb2.Event]
    trace_id: str
    key_name: str
    person: str
    def __init__(self, position: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., source: _Optional[str] = ..., request_id: _Optional[str] = ..., kind: _Optional[str] = ..., tenant: _Optional[str] = ..., aggregate: _Optional[str] = ..., version: _Optional[int] = ..., changes: _Optional[_Iterable[str]] = ..., events: _Optional[_Iterable[_Union[_commit_pb2.Event, _Mapping]]] = ..., trace_id: _Optional[str] = ..., key_name: _Optional[str] = ..., person: _Optional[str] = ...) -> None: ...

class Acl(_message.Message):
    __slots__ = ("name", "addresses", "accounts", "attached_domains", "version", "warnings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ATTACHED_DOMAINS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    addresses: _containers.RepeatedCompositeFieldContainer[Address]
    accounts: _containers.RepeatedCompositeFieldContainer[Account]
    attached_domains: _containers.RepeatedScalarFieldContainer[str]
    version: int
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., addresses: _Optional[_Iterable[_Union[Address, _Mapping]]] = ..., accounts: _Optional[_Iterable[_Union[Account, _Mapping]]] = ..., attached_domains: _Optional[_Iterable[str]] = ..., version: _Optional[int] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class Address(_message.Message):
    __slots__ = ("cidr", "caller_id", "description", "is_ban_exempt")
    CIDR_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IS_BAN_EXEMPT_FIELD_NUMBER: _ClassVar[int]
    cidr: str
    caller_id: str
    description: str
    is_ban_exempt: bool
    def __init__(self, cidr: _Optional[str] = ..., caller_id: _Optional[str] = ..., description: _Optional[str] = ..., is_ban_exempt: _Optional[bool] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("username", "caller_id", "credential_id")
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_ID_FIELD_NUMBER: _ClassVar[int]
    username: str
    caller_id: str
    credential_id: str
    def __init__(self, username: _Optional[str] = ..., caller_id: _Optional[str] = ..., credential_id: _Optional[str] = ...) -> None: ...

class CreateAclRequest(_message.Message):
    __slots__ = ("write", "tenant", "acl")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    acl: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., acl: _Optional[str] = ...) -> None: ...

class CreateAclResponse(_message.Message):
    __slots__ = ("receipt", "acl")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    acl: Acl
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., acl: _Optional[_Union[Acl, _Mapping]] = ...) -> None: ...

class GetAclRequest(_message.Message):
    __slots__ = ("tenant", "acl")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    acl: str
    def __init__(self, tenant: _Optional[str] = ..., acl: _Optional[str] = ...) -> None: ...

class GetAclResponse(_message.Message):
    __slots__ = ("acl",)
    ACL_FIELD_NUMBER: _ClassVar[int]
    acl: Acl
    def __init__(self, acl: _Optional[_Union[Acl, _Mapping]] = ...) -> None: ...

class ListAclsRequest(_message.Message):
    __slots__ = ("tenant", "page")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    page: _common_pb2.Page
    def __init__(self, tenant: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.Page, _Mapping]] = ...) -> None: ...

class ListAclsResponse(_message.Message):
    __slots__ = ("acls", "next_page_token")
    ACLS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    acls: _containers.RepeatedCompositeFieldContainer[Acl]
    next_page_token: str
    def __init__(self, acls: _Optional[_Iterable[_Union[Acl, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteAclRequest(_message.Message):
    __slots__ = ("write", "tenant", "acl")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    acl: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., acl: _Optional[str] = ...) -> None: ...

class DeleteAclResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ...) -> None: ...

class AddAddressRequest(_message.Message):
    __slots__ = ("write", "tenant", "acl", "address", "caller_id", "description", "allow_everyone")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ALLOW_EVERYONE_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    acl: str
    address: str
    caller_id: str
    description: str
    allow_everyone: bool
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., acl: _Optional[str] = ..., address: _Optional[str] = ..., caller_id: _Optional[str] = ..., description: _Optional[str] = ..., allow_everyone: _Optional[bool] = ...) -> None: ...

class AddAddressResponse(_message.Message):
    __slots__ = ("receipt", "acl")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    acl: Acl
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., acl: _Optional[_Union[Acl, _Mapping]] = ...) -> None: ...

class ApproveBanExemptionRequest(_message.Message):
    __slots__ = ("write", "tenant", "acl", "address")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    acl: str
    address: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., acl: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class ApproveBanExemptionResponse(_message.Message):
    __slots__ = ("receipt", "acl")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    acl: Acl
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., acl: _Optional[_Union[Acl, _Mapping]] = ...) -> None: ...

class RemoveAddressRequest(_message.Message):
    __slots__ = ("write", "tenant", "acl", "address")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    acl: str
    address: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., acl: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class RemoveAddressResponse(_message.Message):
    __slots__ = ("receipt", "acl")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    acl: Acl
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., acl: _Optional[_Union[Acl, _Mapping]] = ...) -> None: ...

class AddAccountRequest(_message.Message):
    __slots__ = ("write", "tenant", "acl", "username", "password", "caller_id")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    acl: str
    username: str
    password: str
    caller_id: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., acl: _Optional[str] = ..., username: _Optional[str] = ..., password: _Optional[str] = ..., caller_id: _Optional[str] = ...) -> None: ...

class AddAccountResponse(_message.Message):
    __slots__ = ("receipt", "acl")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    acl: Acl
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., acl: _Optional[_Union[Acl, _Mapping]] = ...) -> None: ...

class SetAccountPasswordRequest(_message.Message):
    __slots__ = ("write", "tenant", "acl", "username", "password")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    acl: str
    username: str
    password: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., acl: _Optional[str] = ..., username: _Optional[str] = ..., password: _Optional[str] = ...) -> None: ...

class SetAccountPasswordResponse(_message.Message):
    __slots__ = ("receipt", "acl")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    acl: Acl
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., acl: _Optional[_Union[Acl, _Mapping]] = ...) -> None: ...

class RemoveAccountRequest(_message.Message):
    __slots__ = ("write", "tenant", "acl", "username")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    acl: str
    username: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., acl: _Optional[str] = ..., username: _Optional[str] = ...) -> None: ...

class RemoveAccountResponse(_message.Message):
    __slots__ = ("receipt", "acl")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    acl: Acl
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., acl: _Optional[_Union[Acl, _Mapping]] = ...) -> None: ...

class Domain(_message.Message):
    __slots__ = ("label", "hostname", "hostnames", "acls", "digest_algorithms", "challenge_status", "is_qop_optional", "allowed_prefixes", "version", "warnings", "max_duration_s", "identity", "class_of_service", "limits", "nearest_pop", "capture_percent", "capture_until")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    HOSTNAMES_FIELD_NUMBER: _ClassVar[int]
    ACLS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_ALGORITHMS_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_STATUS_FIELD_NUMBER: _ClassVar[int]
    IS_QOP_OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    CLASS_OF_SERVICE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NEAREST_POP_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_UNTIL_FIELD_NUMBER: _ClassVar[int]
    label: str
    hostname: str
    hostnames: _containers.RepeatedScalarFieldContainer[str]
    acls: _containers.RepeatedScalarFieldContainer[str]
    digest_algorithms: _containers.RepeatedScalarFieldContainer[str]
    challenge_status: int
    is_qop_optional: bool
    allowed_prefixes: _containers.RepeatedScalarFieldContainer[str]
    version: int
    warnings: _containers.RepeatedScalarFieldContainer[str]
    max_duration_s: int
    identity: _config_pb2.IdentityPolicy
    class_of_service: _config_pb2.ClassOfServiceSet
    limits: _config_pb2.LimitsSet
    nearest_pop: str
    capture_percent: int
    capture_until: _timestamp_pb2.Timestamp
    def __init__(self, label: _Optional[str] = ..., hostname: _Optional[str] = ..., hostnames: _Optional[_Iterable[str]] = ..., acls: _Optional[_Iterable[str]] = ..., digest_algorithms: _Optional[_Iterable[str]] = ..., challenge_status: _Optional[int] = ..., is_qop_optional: _Optional[bool] = ..., allowed_prefixes: _Optional[_Iterable[str]] = ..., version: _Optional[int] = ..., warnings: _Optional[_Iterable[str]] = ..., max_duration_s: _Optional[int] = ..., identity: _Optional[_Union[_config_pb2.IdentityPolicy, _Mapping]] = ..., class_of_service: _Optional[_Union[_config_pb2.ClassOfServiceSet, _Mapping]] = ..., limits: _Optional[_Union[_config_pb2.LimitsSet, _Mapping]] = ..., nearest_pop: _Optional[str] = ..., capture_percent: _Optional[int] = ..., capture_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateDomainRequest(_message.Message):
    __slots__ = ("write", "tenant", "label")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class CreateDomainResponse(_message.Message):
    __slots__ = ("receipt", "domain")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class GetDomainRequest(_message.Message):
    __slots__ = ("tenant", "label")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    label: str
    def __init__(self, tenant: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class GetDomainResponse(_message.Message):
    __slots__ = ("domain",)
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    domain: Domain
    def __init__(self, domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class ListDomainsRequest(_message.Message):
    __slots__ = ("tenant", "page")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    page: _common_pb2.Page
    def __init__(self, tenant: _Optional[str] = ..., page: _Optional[_Union[_common_pb2.Page, _Mapping]] = ...) -> None: ...

class ListDomainsResponse(_message.Message):
    __slots__ = ("domains", "next_page_token")
    DOMAINS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    domains: _containers.RepeatedCompositeFieldContainer[Domain]
    next_page_token: str
    def __init__(self, domains: _Optional[_Iterable[_Union[Domain, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteDomainRequest(_message.Message):
    __slots__ = ("write", "tenant", "label")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ...) -> None: ...

class DeleteDomainResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ...) -> None: ...

class AttachAclRequest(_message.Message):
    __slots__ = ("write", "tenant", "label", "acl")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    acl: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ..., acl: _Optional[str] = ...) -> None: ...

class AttachAclResponse(_message.Message):
    __slots__ = ("receipt", "domain")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class DetachAclRequest(_message.Message):
    __slots__ = ("write", "tenant", "label", "acl")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    acl: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ..., acl: _Optional[str] = ...) -> None: ...

class DetachAclResponse(_message.Message):
    __slots__ = ("receipt", "domain")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class SetDigestPolicyRequest(_message.Message):
    __slots__ = ("write", "tenant", "label", "algorithms", "challenge_status", "is_qop_optional")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ALGORITHMS_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_STATUS_FIELD_NUMBER: _ClassVar[int]
    IS_QOP_OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    algorithms: _containers.RepeatedScalarFieldContainer[str]
    challenge_status: int
    is_qop_optional: bool
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ..., algorithms: _Optional[_Iterable[str]] = ..., challenge_status: _Optional[int] = ..., is_qop_optional: _Optional[bool] = ...) -> None: ...

class SetDigestPolicyResponse(_message.Message):
    __slots__ = ("receipt", "domain")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class SetClassOfServiceRequest(_message.Message):
    __slots__ = ("write", "tenant", "label", "allowed_prefixes", "max_duration_s", "countries", "allows_premium", "max_rate_micros", "currency")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    COUNTRIES_FIELD_NUMBER: _ClassVar[int]
    ALLOWS_PREMIUM_FIELD_NUMBER: _ClassVar[int]
    MAX_RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    allowed_prefixes: _containers.RepeatedScalarFieldContainer[str]
    max_duration_s: int
    countries: _containers.RepeatedScalarFieldContainer[str]
    allows_premium: bool
    max_rate_micros: int
    currency: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ..., allowed_prefixes: _Optional[_Iterable[str]] = ..., max_duration_s: _Optional[int] = ..., countries: _Optional[_Iterable[str]] = ..., allows_premium: _Optional[bool] = ..., max_rate_micros: _Optional[int] = ..., currency: _Optional[str] = ...) -> None: ...

class SetClassOfServiceResponse(_message.Message):
    __slots__ = ("receipt", "domain", "tenant")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    tenant: Tenant
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ..., tenant: _Optional[_Union[Tenant, _Mapping]] = ...) -> None: ...

class SetLimitsRequest(_message.Message):
    __slots__ = ("write", "tenant", "label", "max_calls", "max_calls_per_second")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    MAX_CALLS_FIELD_NUMBER: _ClassVar[int]
    MAX_CALLS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    max_calls: int
    max_calls_per_second: int
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ..., max_calls: _Optional[int] = ..., max_calls_per_second: _Optional[int] = ...) -> None: ...

class SetLimitsResponse(_message.Message):
    __slots__ = ("receipt", "domain", "tenant")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    tenant: Tenant
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ..., tenant: _Optional[_Union[Tenant, _Mapping]] = ...) -> None: ...

class GetLimitUseRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetLimitUseResponse(_message.Message):
    __slots__ = ("uses",)
    USES_FIELD_NUMBER: _ClassVar[int]
    uses: _containers.RepeatedCompositeFieldContainer[LimitUse]
    def __init__(self, uses: _Optional[_Iterable[_Union[LimitUse, _Mapping]]] = ...) -> None: ...

class LimitUse(_message.Message):
    __slots__ = ("label", "max_calls", "calls", "max_calls_per_second", "rate_milli", "edges")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    MAX_CALLS_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    MAX_CALLS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    RATE_MILLI_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    label: str
    max_calls: int
    calls: int
    max_calls_per_second: int
    rate_milli: int
    edges: _containers.RepeatedCompositeFieldContainer[LimitUseAtEdge]
    def __init__(self, label: _Optional[str] = ..., max_calls: _Optional[int] = ..., calls: _Optional[int] = ..., max_calls_per_second: _Optional[int] = ..., rate_milli: _Optional[int] = ..., edges: _Optional[_Iterable[_Union[LimitUseAtEdge, _Mapping]]] = ...) -> None: ...

class LimitUseAtEdge(_message.Message):
    __slots__ = ("pop", "edge", "is_heard", "calls", "call_share", "rate_milli", "rate_share_milli")
    POP_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    IS_HEARD_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    CALL_SHARE_FIELD_NUMBER: _ClassVar[int]
    RATE_MILLI_FIELD_NUMBER: _ClassVar[int]
    RATE_SHARE_MILLI_FIELD_NUMBER: _ClassVar[int]
    pop: str
    edge: str
    is_heard: bool
    calls: int
    call_share: int
    rate_milli: int
    rate_share_milli: int
    def __init__(self, pop: _Optional[str] = ..., edge: _Optional[str] = ..., is_heard: _Optional[bool] = ..., calls: _Optional[int] = ..., call_share: _Optional[int] = ..., rate_milli: _Optional[int] = ..., rate_share_milli: _Optional[int] = ...) -> None: ...

class SetIdentityPolicyRequest(_message.Message):
    __slots__ = ("write", "tenant", "label", "policy")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    policy: _config_pb2.IdentityPolicy
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ..., policy: _Optional[_Union[_config_pb2.IdentityPolicy, _Mapping]] = ...) -> None: ...

class SetIdentityPolicyResponse(_message.Message):
    __slots__ = ("receipt", "domain")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class SetNearestPopRequest(_message.Message):
    __slots__ = ("write", "tenant", "label", "pop")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    pop: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ..., pop: _Optional[str] = ...) -> None: ...

class SetNearestPopResponse(_message.Message):
    __slots__ = ("receipt", "domain")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class SetCaptureRequest(_message.Message):
    __slots__ = ("write", "tenant", "label", "percent", "until")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    tenant: str
    label: str
    percent: int
    until: _timestamp_pb2.Timestamp
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., tenant: _Optional[str] = ..., label: _Optional[str] = ..., percent: _Optional[int] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SetCaptureResponse(_message.Message):
    __slots__ = ("receipt", "domain")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    domain: Domain
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class ListPopsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPopsResponse(_message.Message):
    __slots__ = ("pops", "head")
    POPS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    pops: _containers.RepeatedCompositeFieldContainer[Pop]
    head: int
    def __init__(self, pops: _Optional[_Iterable[_Union[Pop, _Mapping]]] = ..., head: _Optional[int] = ...) -> None: ...

class Pop(_message.Message):
    __slots__ = ("name", "region", "edge", "is_reachable", "position", "digest", "live_calls", "state", "lag", "age_s", "is_log_connected", "journal_backlog_bytes", "problem", "health", "health_reason", "health_since", "health_decided_by", "without_transports")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    IS_REACHABLE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    LIVE_CALLS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    AGE_S_FIELD_NUMBER: _ClassVar[int]
    IS_LOG_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_BACKLOG_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    HEALTH_REASON_FIELD_NUMBER: _ClassVar[int]
    HEALTH_SINCE_FIELD_NUMBER: _ClassVar[int]
    HEALTH_DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_TRANSPORTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    region: str
    edge: str
    is_reachable: bool
    position: int
    digest: str
    live_calls: int
    state: str
    lag: int
    age_s: float
    is_log_connected: bool
    journal_backlog_bytes: int
    problem: str
    health: str
    health_reason: str
    health_since: _timestamp_pb2.Timestamp
    health_decided_by: str
    without_transports: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., region: _Optional[str] = ..., edge: _Optional[str] = ..., is_reachable: _Optional[bool] = ..., position: _Optional[int] = ..., digest: _Optional[str] = ..., live_calls: _Optional[int] = ..., state: _Optional[str] = ..., lag: _Optional[int] = ..., age_s: _Optional[float] = ..., is_log_connected: _Optional[bool] = ..., journal_backlog_bytes: _Optional[int] = ..., problem: _Optional[str] = ..., health: _Optional[str] = ..., health_reason: _Optional[str] = ..., health_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., health_decided_by: _Optional[str] = ..., without_transports: _Optional[_Iterable[str]] = ...) -> None: ...

class ListReplicasRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListReplicasResponse(_message.Message):
    __slots__ = ("home", "epoch", "head", "regions", "replicas")
    HOME_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    home: str
    epoch: str
    head: int
    regions: _containers.RepeatedCompositeFieldContainer[Region]
    replicas: _containers.RepeatedCompositeFieldContainer[Replica]
    def __init__(self, home: _Optional[str] = ..., epoch: _Optional[str] = ..., head: _Optional[int] = ..., regions: _Optional[_Iterable[_Union[Region, _Mapping]]] = ..., replicas: _Optional[_Iterable[_Union[Replica, _Mapping]]] = ...) -> None: ...

class Region(_message.Message):
    __slots__ = ("name", "is_home", "replicas", "following", "position", "lag", "age_s", "calls_lag", "calls_age_s")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IS_HOME_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    FOLLOWING_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    AGE_S_FIELD_NUMBER: _ClassVar[int]
    CALLS_LAG_FIELD_NUMBER: _ClassVar[int]
    CALLS_AGE_S_FIELD_NUMBER: _ClassVar[int]
    name: str
    is_home: bool
    replicas: int
    following: int
    position: int
    lag: int
    age_s: float
    calls_lag: int
    calls_age_s: float
    def __init__(self, name: _Optional[str] = ..., is_home: _Optional[bool] = ..., replicas: _Optional[int] = ..., following: _Optional[int] = ..., position: _Optional[int] = ..., lag: _Optional[int] = ..., age_s: _Optional[float] = ..., calls_lag: _Optional[int] = ..., calls_age_s: _Optional[float] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ("process", "kind", "region", "state", "position", "digest", "differs", "lag", "age_s", "epoch", "heard_s", "problem")
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    DIFFERS_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    AGE_S_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HEARD_S_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    process: str
    kind: str
    region: str
    state: str
    position: int
    digest: str
    differs: bool
    lag: int
    age_s: float
    epoch: str
    heard_s: float
    problem: str
    def __init__(self, process: _Optional[str] = ..., kind: _Optional[str] = ..., region: _Optional[str] = ..., state: _Optional[str] = ..., position: _Optional[int] = ..., digest: _Optional[str] = ..., differs: _Optional[bool] = ..., lag: _Optional[int] = ..., age_s: _Optional[float] = ..., epoch: _Optional[str] = ..., heard_s: _Optional[float] = ..., problem: _Optional[str] = ...) -> None: ...

class ListPopChangesRequest(_message.Message):
    __slots__ = ("pop", "since", "until", "page")
    POP_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    pop: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    page: _common_pb2.Page
    def __init__(self, pop: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page: _Optional[_Union[_common_pb2.Page, _Mapping]] = ...) -> None: ...

class ListPopChangesResponse(_message.Message):
    __slots__ = ("changes", "next_page_token")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[PopChange]
    next_page_token: str
    def __init__(self, changes: _Optional[_Iterable[_Union[PopChange, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PopChange(_message.Message):
    __slots__ = ("pop", "time", "old_state", "new_state", "reason", "decided_by", "region")
    POP_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    OLD_STATE_FIELD_NUMBER: _ClassVar[int]
    NEW_STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    pop: str
    time: _timestamp_pb2.Timestamp
    old_state: str
    new_state: str
    reason: str
    decided_by: str
    region: str
    def __init__(self, pop: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., old_state: _Optional[str] = ..., new_state: _Optional[str] = ..., reason: _Optional[str] = ..., decided_by: _Optional[str] = ..., region: _Optional[str] = ...) -> None: ...

class DrainPopRequest(_message.Message):
    __slots__ = ("write", "pop", "note")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    pop: str
    note: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., pop: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class DrainPopResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ...) -> None: ...

class UndrainPopRequest(_message.Message):
    __slots__ = ("write", "pop")
    WRITE_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    write: _common_pb2.WriteOptions
    pop: str
    def __init__(self, write: _Optional[_Union[_common_pb2.WriteOptions, _Mapping]] = ..., pop: _Optional[str] = ...) -> None: ...

class UndrainPopResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: _common_pb2.Receipt
    def __init__(self, receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ...) -> None: ...

class WaitAppliedRequest(_message.Message):
    __slots__ = ("position", "timeout", "pops")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    POPS_FIELD_NUMBER: _ClassVar[int]
    position: int
    timeout: _duration_pb2.Duration
    pops: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, position: _Optional[int] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., pops: _Optional[_Iterable[str]] = ...) -> None: ...

class WaitAppliedResponse(_message.Message):
    __slots__ = ("pop", "edge", "is_applied", "position", "applied_time", "problem", "region", "trace_id")
    POP_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    IS_APPLIED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    APPLIED_TIME_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    pop: str
    edge: str
    is_applied: bool
    position: int
    applied_time: _timestamp_pb2.Timestamp
    problem: str
    region: str
    trace_id: str
    def __init__(self, pop: _Optional[str] = ..., edge: _Optional[str] = ..., is_applied: _Optional[bool] = ..., position: _Optional[int] = ..., applied_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., problem: _Optional[str] = ..., region: _Optional[str] = ..., trace_id: _Optional[str] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("tenant", "domain", "source", "username", "is_password_right", "number", "from_uri", "privacy", "hints", "pop", "record", "at_position", "at_time", "is_now", "changes", "call")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    USERNAME_FIELD_NUMBER: _ClassVar[int]
    IS_PASSWORD_RIGHT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    FROM_URI_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    AT_POSITION_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    IS_NOW_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    domain: str
    source: str
    username: str
    is_password_right: bool
    number: str
    from_uri: str
    privacy: _containers.RepeatedScalarFieldContainer[str]
    hints: _containers.RepeatedScalarFieldContainer[str]
    pop: str
    record: _records_pb2.Record
    at_position: int
    at_time: _timestamp_pb2.Timestamp
    is_now: bool
    changes: _containers.RepeatedCompositeFieldContainer[ExplainChange]
    call: str
    def __init__(self, tenant: _Optional[str] = ..., domain: _Optional[str] = ..., source: _Optional[str] = ..., username: _Optional[str] = ..., is_password_right: _Optional[bool] = ..., number: _Optional[str] = ..., from_uri: _Optional[str] = ..., privacy: _Optional[_Iterable[str]] = ..., hints: _Optional[_Iterable[str]] = ..., pop: _Optional[str] = ..., record: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., at_position: _Optional[int] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_now: _Optional[bool] = ..., changes: _Optional[_Iterable[_Union[ExplainChange, _Mapping]]] = ..., call: _Optional[str] = ...) -> None: ...

class ExplainChange(_message.Message):
    __slots__ = ("add_address", "remove_address", "add_account", "remove_account", "attach_acl", "detach_acl", "allow_prefix", "allow_country", "allow_premium")
    ADD_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ADD_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REMOVE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ATTACH_ACL_FIELD_NUMBER: _ClassVar[int]
    DETACH_ACL_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PREFIX_FIELD_NUMBER: _ClassVar[int]
    ALLOW_COUNTRY_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PREMIUM_FIELD_NUMBER: _ClassVar[int]
    add_address: ExplainedEntry
    remove_address: ExplainedEntry
    add_account: ExplainedEntry
    remove_account: ExplainedEntry
    attach_acl: str
    detach_acl: str
    allow_prefix: str
    allow_country: str
    allow_premium: bool
    def __init__(self, add_address: _Optional[_Union[ExplainedEntry, _Mapping]] = ..., remove_address: _Optional[_Union[ExplainedEntry, _Mapping]] = ..., add_account: _Optional[_Union[ExplainedEntry, _Mapping]] = ..., remove_account: _Optional[_Union[ExplainedEntry, _Mapping]] = ..., attach_acl: _Optional[str] = ..., detach_acl: _Optional[str] = ..., allow_prefix: _Optional[str] = ..., allow_country: _Optional[str] = ..., allow_premium: _Optional[bool] = ...) -> None: ...

class ExplainedEntry(_message.Message):
    __slots__ = ("acl", "entry", "caller_id")
    ACL_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    acl: str
    entry: str
    caller_id: str
    def __init__(self, acl: _Optional[str] = ..., entry: _Optional[str] = ..., caller_id: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("outcome", "reason", "status", "text", "acl", "account", "address", "steps", "position", "checks", "identity", "route", "limits", "differences", "position_time", "head", "is_changed_since", "assumed", "domain", "host", "pop", "region", "number", "source", "what_to_do", "facts")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    POSITION_TIME_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    IS_CHANGED_SINCE_FIELD_NUMBER: _ClassVar[int]
    ASSUMED_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    POP_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    WHAT_TO_DO_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    reason: str
    status: int
    text: str
    acl: str
    account: str
    address: str
    steps: _containers.RepeatedScalarFieldContainer[str]
    position: int
    checks: _containers.RepeatedCompositeFieldContainer[ExplainStep]
    identity: ExplainIdentity
    route: ExplainRoute
    limits: _containers.RepeatedCompositeFieldContainer[ExplainLimit]
    differences: _containers.RepeatedCompositeFieldContainer[ExplainDifference]
    position_time: _timestamp_pb2.Timestamp
    head: int
    is_changed_since: bool
    assumed: _containers.RepeatedScalarFieldContainer[str]
    domain: str
    host: str
    pop: str
    region: str
    number: str
    source: str
    what_to_do: str
    facts: str
    def __init__(self, outcome: _Optional[str] = ..., reason: _Optional[str] = ..., status: _Optional[int] = ..., text: _Optional[str] = ..., acl: _Optional[str] = ..., account: _Optional[str] = ..., address: _Optional[str] = ..., steps: _Optional[_Iterable[str]] = ..., position: _Optional[int] = ..., checks: _Optional[_Iterable[_Union[ExplainStep, _Mapping]]] = ..., identity: _Optional[_Union[ExplainIdentity, _Mapping]] = ..., route: _Optional[_Union[ExplainRoute, _Mapping]] = ..., limits: _Optional[_Iterable[_Union[ExplainLimit, _Mapping]]] = ..., differences: _Optional[_Iterable[_Union[ExplainDifference, _Mapping]]] = ..., position_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., head: _Optional[int] = ..., is_changed_since: _Optional[bool] = ..., assumed: _Optional[_Iterable[str]] = ..., domain: _Optional[str] = ..., host: _Optional[str] = ..., pop: _Optional[str] = ..., region: _Optional[str] = ..., number: _Optional[str] = ..., source: _Optional[str] = ..., what_to_do: _Optional[str] = ..., facts: _Optional[str] = ...) -> None: ...

class ExplainStep(_message.Message):
    __slots__ = ("stage", "outcome", "reason", "text", "details", "is_beyond", "is_now_only")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    IS_BEYOND_FIELD_NUMBER: _ClassVar[int]
    IS_NOW_ONLY_FIELD_NUMBER: _ClassVar[int]
    stage: str
    outcome: str
    reason: str
    text: str
    details: _containers.RepeatedScalarFieldContainer[str]
    is_beyond: bool
    is_now_only: bool
    def __init__(self, stage: _Optional[str] = ..., outcome: _Optional[str] = ..., reason: _Optional[str] = ..., text: _Optional[str] = ..., details: _Optional[_Iterable[str]] = ..., is_beyond: _Optional[bool] = ..., is_now_only: _Optional[bool] = ...) -> None: ...

class ExplainIdentity(_message.Message):
    __slots__ = ("caller_id", "uri", "source", "asserted", "presented", "is_private", "privacy")
    CALLER_ID_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ASSERTED_FIELD_NUMBER: _ClassVar[int]
    PRESENTED_FIELD_NUMBER: _ClassVar[int]
    IS_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    caller_id: str
    uri: str
    source: str
    asserted: _containers.RepeatedScalarFieldContainer[str]
    presented: str
    is_private: bool
    privacy: str
    def __init__(self, caller_id: _Optional[str] = ..., uri: _Optional[str] = ..., source: _Optional[str] = ..., asserted: _Optional[_Iterable[str]] = ..., presented: _Optional[str] = ..., is_private: _Optional[bool] = ..., privacy: _Optional[str] = ...) -> None: ...

class ExplainRoute(_message.Message):
    __slots__ = ("prefix", "destination", "gateways", "is_drawn", "max_duration_s")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    IS_DRAWN_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    destination: str
    gateways: _containers.RepeatedCompositeFieldContainer[ExplainGateway]
    is_drawn: bool
    max_duration_s: int
    def __init__(self, prefix: _Optional[str] = ..., destination: _Optional[str] = ..., gateways: _Optional[_Iterable[_Union[ExplainGateway, _Mapping]]] = ..., is_drawn: _Optional[bool] = ..., max_duration_s: _Optional[int] = ...) -> None: ...

class ExplainGateway(_message.Message):
    __slots__ = ("place", "carrier", "gateway", "address", "transport", "region", "priority", "weight", "rate_micros", "currency", "why", "is_passed_over", "request_user", "from_name_addr", "asserted", "privacy", "hides_topology", "is_trusted", "row_priority", "row_weight")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RATE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    IS_PASSED_OVER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_USER_FIELD_NUMBER: _ClassVar[int]
    FROM_NAME_ADDR_FIELD_NUMBER: _ClassVar[int]
    ASSERTED_FIELD_NUMBER: _ClassVar[int]
    PRIVACY_FIELD_NUMBER: _ClassVar[int]
    HIDES_TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    IS_TRUSTED_FIELD_NUMBER: _ClassVar[int]
    ROW_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ROW_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    place: int
    carrier: str
    gateway: str
    address: str
    transport: str
    region: str
    priority: int
    weight: int
    rate_micros: int
    currency: str
    why: str
    is_passed_over: bool
    request_user: str
    from_name_addr: str
    asserted: _containers.RepeatedScalarFieldContainer[str]
    privacy: str
    hides_topology: bool
    is_trusted: bool
    row_priority: int
    row_weight: int
    def __init__(self, place: _Optional[int] = ..., carrier: _Optional[str] = ..., gateway: _Optional[str] = ..., address: _Optional[str] = ..., transport: _Optional[str] = ..., region: _Optional[str] = ..., priority: _Optional[int] = ..., weight: _Optional[int] = ..., rate_micros: _Optional[int] = ..., currency: _Optional[str] = ..., why: _Optional[str] = ..., is_passed_over: _Optional[bool] = ..., request_user: _Optional[str] = ..., from_name_addr: _Optional[str] = ..., asserted: _Optional[_Iterable[str]] = ..., privacy: _Optional[str] = ..., hides_topology: _Optional[bool] = ..., is_trusted: _Optional[bool] = ..., row_priority: _Optional[int] = ..., row_weight: _Optional[int] = ...) -> None: ...

class ExplainLimit(_message.Message):
    __slots__ = ("label", "max_calls", "max_calls_per_second", "calls")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    MAX_CALLS_FIELD_NUMBER: _ClassVar[int]
    MAX_CALLS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    label: str
    max_calls: int
    max_calls_per_second: int
    calls: int
    def __init__(self, label: _Optional[str] = ..., max_calls: _Optional[int] = ..., max_calls_per_second: _Optional[int] = ..., calls: _Optional[int] = ...) -> None: ...

class ExplainDifference(_message.Message):
    __slots__ = ("field", "recorded", "computed", "why")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    COMPUTED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    field: str
    recorded: str
    computed: str
    why: str
    def __init__(self, field: _Optional[str] = ..., recorded: _Optional[str] = ..., computed: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class ExplainCallsRequest(_message.Message):
    __slots__ = ("tenant", "since", "until", "domain", "most", "examples", "changes", "domain_changes")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_CHANGES_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    domain: str
    most: int
    examples: int
    changes: _containers.RepeatedCompositeFieldContainer[AssumedChange]
    domain_changes: _containers.RepeatedCompositeFieldContainer[ExplainChange]
    def __init__(self, tenant: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., domain: _Optional[str] = ..., most: _Optional[int] = ..., examples: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[AssumedChange, _Mapping]]] = ..., domain_changes: _Optional[_Iterable[_Union[ExplainChange, _Mapping]]] = ...) -> None: ...

class AssumedChange(_message.Message):
    __slots__ = ("create_acl", "delete_acl", "add_address", "remove_address", "approve_ban_exemption", "add_account", "remove_account", "create_domain", "delete_domain", "attach_acl", "detach_acl", "set_digest_policy", "set_class_of_service", "set_limits", "set_identity_policy", "set_nearest_pop")
    CREATE_ACL_FIELD_NUMBER: _ClassVar[int]
    DELETE_ACL_FIELD_NUMBER: _ClassVar[int]
    ADD_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    APPROVE_BAN_EXEMPTION_FIELD_NUMBER: _ClassVar[int]
    ADD_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REMOVE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CREATE_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    DELETE_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    ATTACH_ACL_FIELD_NUMBER: _ClassVar[int]
    DETACH_ACL_FIELD_NUMBER: _ClassVar[int]
    SET_DIGEST_POLICY_FIELD_NUMBER: _ClassVar[int]
    SET_CLASS_OF_SERVICE_FIELD_NUMBER: _ClassVar[int]
    SET_LIMITS_FIELD_NUMBER: _ClassVar[int]
    SET_IDENTITY_POLICY_FIELD_NUMBER: _ClassVar[int]
    SET_NEAREST_POP_FIELD_NUMBER: _ClassVar[int]
    create_acl: CreateAclRequest
    delete_acl: DeleteAclRequest
    add_address: AddAddressRequest
    remove_address: RemoveAddressRequest
    approve_ban_exemption: ApproveBanExemptionRequest
    add_account: AddAccountRequest
    remove_account: RemoveAccountRequest
    create_domain: CreateDomainRequest
    delete_domain: DeleteDomainRequest
    attach_acl: AttachAclRequest
    detach_acl: DetachAclRequest
    set_digest_policy: SetDigestPolicyRequest
    set_class_of_service: SetClassOfServiceRequest
    set_limits: SetLimitsRequest
    set_identity_policy: SetIdentityPolicyRequest
    set_nearest_pop: SetNearestPopRequest
    def __init__(self, create_acl: _Optional[_Union[CreateAclRequest, _Mapping]] = ..., delete_acl: _Optional[_Union[DeleteAclRequest, _Mapping]] = ..., add_address: _Optional[_Union[AddAddressRequest, _Mapping]] = ..., remove_address: _Optional[_Union[RemoveAddressRequest, _Mapping]] = ..., approve_ban_exemption: _Optional[_Union[ApproveBanExemptionRequest, _Mapping]] = ..., add_account: _Optional[_Union[AddAccountRequest, _Mapping]] = ..., remove_account: _Optional[_Union[RemoveAccountRequest, _Mapping]] = ..., create_domain: _Optional[_Union[CreateDomainRequest, _Mapping]] = ..., delete_domain: _Optional[_Union[DeleteDomainRequest, _Mapping]] = ..., attach_acl: _Optional[_Union[AttachAclRequest, _Mapping]] = ..., detach_acl: _Optional[_Union[DetachAclRequest, _Mapping]] = ..., set_digest_policy: _Optional[_Union[SetDigestPolicyRequest, _Mapping]] = ..., set_class_of_service: _Optional[_Union[SetClassOfServiceRequest, _Mapping]] = ..., set_limits: _Optional[_Union[SetLimitsRequest, _Mapping]] = ..., set_identity_policy: _Optional[_Union[SetIdentityPolicyRequest, _Mapping]] = ..., set_nearest_pop: _Optional[_Union[SetNearestPopRequest, _Mapping]] = ...) -> None: ...

class ExplainCallsResponse(_message.Message):
    __slots__ = ("calls", "same", "changed", "left_out", "groups", "is_cut", "position", "assumed", "since", "until")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    SAME_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    IS_CUT_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ASSUMED_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    calls: int
    same: int
    changed: int
    left_out: int
    groups: _containers.RepeatedCompositeFieldContainer[ChangedCalls]
    is_cut: bool
    position: int
    assumed: _containers.RepeatedScalarFieldContainer[str]
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, calls: _Optional[int] = ..., same: _Optional[int] = ..., changed: _Optional[int] = ..., left_out: _Optional[int] = ..., groups: _Optional[_Iterable[_Union[ChangedCalls, _Mapping]]] = ..., is_cut: _Optional[bool] = ..., position: _Optional[int] = ..., assumed: _Optional[_Iterable[str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ChangedCalls(_message.Message):
    __slots__ = ("old_outcome", "old_reason", "new_outcome", "new_reason", "calls", "examples")
    OLD_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    OLD_REASON_FIELD_NUMBER: _ClassVar[int]
    NEW_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    NEW_REASON_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    old_outcome: str
    old_reason: str
    new_outcome: str
    new_reason: str
    calls: int
    examples: _containers.RepeatedCompositeFieldContainer[ChangedCall]
    def __init__(self, old_outcome: _Optional[str] = ..., old_reason: _Optional[str] = ..., new_outcome: _Optional[str] = ..., new_reason: _Optional[str] = ..., calls: _Optional[int] = ..., examples: _Optional[_Iterable[_Union[ChangedCall, _Mapping]]] = ...) -> None: ...

class ChangedCall(_message.Message):
    __slots__ = ("call", "domain", "number", "source", "account", "setup_time", "facts")
    CALL_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SETUP_TIME_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    call: str
    domain: str
    number: str
    source: str
    account: str
    setup_time: _timestamp_pb2.Timestamp
    facts: str
    def __init__(self, call: _Optional[str] = ..., domain: _Optional[str] = ..., number: _Optional[str] = ..., source: _Optional[str] = ..., account: _Optional[str] = ..., setup_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., facts: _Optional[str] = ...) -> None: ...

class ReadTenantRequest(_message.Message):
    __slots__ = ("tenant", "at_position", "at_time")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    AT_POSITION_FIELD_NUMBER: _ClassVar[int]
    AT_TIME_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    at_position: int
    at_time: _timestamp_pb2.Timestamp
    def __init__(self, tenant: _Optional[str] = ..., at_position: _Optional[int] = ..., at_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ReadTenantResponse(_message.Message):
    __slots__ = ("position", "position_time", "tenant", "acl", "domain")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_TIME_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACL_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    position: int
    position_time: _timestamp_pb2.Timestamp
    tenant: Tenant
    acl: Acl
    domain: Domain
    def __init__(self, position: _Optional[int] = ..., position_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tenant: _Optional[_Union[Tenant, _Mapping]] = ..., acl: _Optional[_Union[Acl, _Mapping]] = ..., domain: _Optional[_Union[Domain, _Mapping]] = ...) -> None: ...

class TailEventsRequest(_message.Message):
    __slots__ = ("tenant", "from_position", "is_finite")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    FROM_POSITION_FIELD_NUMBER: _ClassVar[int]
    IS_FINITE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    from_position: int
    is_finite: bool
    def __init__(self, tenant: _Optional[str] = ..., from_position: _Optional[int] = ..., is_finite: _Optional[bool] = ...) -> None: ...

class TailEventsResponse(_message.Message):
    __slots__ = ("position", "commit", "stored_time")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    STORED_TIME_FIELD_NUMBER: _ClassVar[int]
    position: int
    commit: _commit_pb2.Commit
    stored_time: _timestamp_pb2.Timestamp
    def __init__(self, position: _Optional[int] = ..., commit: _Optional[_Union[_commit_pb2.Commit, _Mapping]] = ..., stored_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
