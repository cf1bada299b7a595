import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from trunkline.api.events.v1 import config_pb2 as _config_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Commit(_message.Message):
    __slots__ = ("id", "kind", "tenant", "aggregate", "version", "time", "actor", "request_id", "request_hash", "events", "trace_parent", "source", "person")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_HASH_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TRACE_PARENT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    tenant: str
    aggregate: str
    version: int
    time: _timestamp_pb2.Timestamp
    actor: str
    request_id: str
    request_hash: bytes
    events: _containers.RepeatedCompositeFieldContainer[Event]
    trace_parent: str
    source: str
    person: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., tenant: _Optional[str] = ..., aggregate: _Optional[str] = ..., version: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., request_id: _Optional[str] = ..., request_hash: _Optional[bytes] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., trace_parent: _Optional[str] = ..., source: _Optional[str] = ..., person: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("tenant_created", "tenant_suspended", "tenant_resumed", "webhook_set", "api_key_created", "api_key_revoked", "acl_created", "acl_deleted", "address_added", "address_removed", "account_added", "account_credential_changed", "account_removed", "ban_exemption_approved", "domain_created", "domain_deleted", "acl_attached", "acl_detached", "digest_policy_set", "class_of_service_set", "identity_policy_set", "limits_set", "nearest_pop_set", "capture_set", "credential_set", "credential_erased", "carrier_created", "carrier_changed", "gateway_added", "gateway_removed", "carrier_suspended", "carrier_resumed", "gateway_changed", "deck_started", "deck_rows_added", "deck_activated", "pop_drained", "pop_undrained", "claim_taken", "claim_released")
    TENANT_CREATED_FIELD_NUMBER: _ClassVar[int]
    TENANT_SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    TENANT_RESUMED_FIELD_NUMBER: _ClassVar[int]
    WEBHOOK_SET_FIELD_NUMBER: _ClassVar[int]
    API_KEY_CREATED_FIELD_NUMBER: _ClassVar[int]
    API_KEY_REVOKED_FIELD_NUMBER: _ClassVar[int]
    ACL_CREATED_FIELD_NUMBER: _ClassVar[int]
    ACL_DELETED_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_ADDED_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_REMOVED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_ADDED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_CREDENTIAL_CHANGED_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_REMOVED_FIELD_NUMBER: _ClassVar[int]
    BAN_EXEMPTION_APPROVED_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_CREATED_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_DELETED_FIELD_NUMBER: _ClassVar[int]
    ACL_ATTACHED_FIELD_NUMBER: _ClassVar[int]
    ACL_DETACHED_FIELD_NUMBER: _ClassVar[int]
    DIGEST_POLICY_SET_FIELD_NUMBER: _ClassVar[int]
    CLASS_OF_SERVICE_SET_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_POLICY_SET_FIELD_NUMBER: _ClassVar[int]
    LIMITS_SET_FIELD_NUMBER: _ClassVar[int]
    NEAREST_POP_SET_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_SET_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_SET_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_ERASED_FIELD_NUMBER: _ClassVar[int]
    CARRIER_CREATED_FIELD_NUMBER: _ClassVar[int]
    CARRIER_CHANGED_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_ADDED_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_REMOVED_FIELD_NUMBER: _ClassVar[int]
    CARRIER_SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    CARRIER_RESUMED_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_CHANGED_FIELD_NUMBER: _ClassVar[int]
    DECK_STARTED_FIELD_NUMBER: _ClassVar[int]
    DECK_ROWS_ADDED_FIELD_NUMBER: _ClassVar[int]
    DECK_ACTIVATED_FIELD_NUMBER: _ClassVar[int]
    POP_DRAINED_FIELD_NUMBER: _ClassVar[int]
    POP_UNDRAINED_FIELD_NUMBER: _ClassVar[int]
    CLAIM_TAKEN_FIELD_NUMBER: _ClassVar[int]
    CLAIM_RELEASED_FIELD_NUMBER: _ClassVar[int]
    tenant_created: _config_pb2.TenantCreated
    tenant_suspended: _config_pb2.TenantSuspended
    tenant_resumed: _config_pb2.TenantResumed
    webhook_set: _config_pb2.WebhookSet
    api_key_created: _config_pb2.ApiKeyCreated
    api_key_revoked: _config_pb2.ApiKeyRevoked
    acl_created: _config_pb2.AclCreated
    acl_deleted: _config_pb2.AclDeleted
    address_added: _config_pb2.AddressAdded
    address_removed: _config_pb2.AddressRemoved
    account_added: _config_pb2.AccountAdded
    account_credential_changed: _config_pb2.AccountCredentialChanged
    account_removed: _config_pb2.AccountRemoved
    ban_exemption_approved: _config_pb2.BanExemptionApproved
    domain_created: _config_pb2.DomainCreated
    domain_deleted: _config_pb2.DomainDeleted
    acl_attached: _config_pb2.AclAttached
    acl_detached: _config_pb2.AclDetached
    digest_policy_set: _config_pb2.DigestPolicySet
    class_of_service_set: _config_pb2.ClassOfServiceSet
    identity_policy_set: _config_pb2.IdentityPolicySet
    limits_set: _config_pb2.LimitsSet
    nearest_pop_set: _config_pb2.NearestPopSet
    capture_set: _config_pb2.CaptureSet
    credential_set: _config_pb2.CredentialSet
    credential_erased: _config_pb2.CredentialErased
    carrier_created: _config_pb2.CarrierCreated
    carrier_changed: _config_pb2.CarrierChanged
    gateway_added: _config_pb2.GatewayAdded
    gateway_removed: _config_pb2.GatewayRemoved
    carrier_suspended: _config_pb2.CarrierSuspended
    carrier_resumed: _config_pb2.CarrierResumed
    gateway_changed: _config_pb2.GatewayChanged
    deck_started: _config_pb2.DeckStarted
    deck_rows_added: _config_pb2.DeckRowsAdded
    deck_activated: _config_pb2.DeckActivated
    pop_drained: _config_pb2.PopDrained
    pop_undrained: _config_pb2.PopUndrained
    claim_taken: _config_pb2.ClaimTaken
    claim_released: _config_pb2.ClaimReleased
    def __init__(self, tenant_created: _Optional[_Union[_config_pb2.TenantCreated, _Mapping]] = ..., tenant_suspended: _Optional[_Union[_config_pb2.TenantSuspended, _Mapping]] = ..., tenant_resumed: _Optional[_Union[_config_pb2.TenantResumed, _Mapping]] = ..., webhook_set: _Optional[_Union[_config_pb2.WebhookSet, _Mapping]] = ..., api_key_created: _Optional[_Union[_config_pb2.ApiKeyCreated, _Mapping]] = ..., api_key_revoked: _Optional[_Union[_config_pb2.ApiKeyRevoked, _Mapping]] = ..., acl_created: _Optional[_Union[_config_pb2.AclCreated, _Mapping]] = ..., acl_deleted: _Optional[_Union[_config_pb2.AclDeleted, _Mapping]] = ..., address_added: _Optional[_Union[_config_pb2.AddressAdded, _Mapping]] = ..., address_removed: _Optional[_Union[_config_pb2.AddressRemoved, _Mapping]] = ..., account_added: _Optional[_Union[_config_pb2.AccountAdded, _Mapping]] = ..., account_credential_changed: _Optional[_Union[_config_pb2.AccountCredentialChanged, _Mapping]] = ..., account_removed: _Optional[_Union[_config_pb2.AccountRemoved, _Mapping]] = ..., ban_exemption_approved: _Optional[_Union[_config_pb2.BanExemptionApproved, _Mapping]] = ..., domain_created: _Optional[_Union[_config_pb2.DomainCreated, _Mapping]] = ..., domain_deleted: _Optional[_Union[_config_pb2.DomainDeleted, _Mapping]] = ..., acl_attached: _Optional[_Union[_config_pb2.AclAttached, _Mapping]] = ..., acl_detached: _Optional[_Union[_config_pb2.AclDetached, _Mapping]] = ..., digest_policy_set: _Optional[_Union[_config_pb2.DigestPolicySet, _Mapping]] = ..., class_of_service_set: _Optional[_Union[_config_pb2.ClassOfServiceSet, _Mapping]] = ..., identity_policy_set: _Optional[_Union[_config_pb2.IdentityPolicySet, _Mapping]] = ..., limits_set: _Optional[_Union[_config_pb2.LimitsSet, _Mapping]] = ..., nearest_pop_set: _Optional[_Union[_config_pb2.NearestPopSet, _Mapping]] = ..., capture_set: _Optional[_Union[_config_pb2.CaptureSet, _Mapping]] = ..., credential_set: _Optional[_Union[_config_pb2.CredentialSet, _Mapping]] = ..., credential_erased: _Optional[_Union[_config_pb2.CredentialErased, _Mapping]] = ..., carrier_created: _Optional[_Union[_config_pb2.CarrierCreated, _Mapping]] = ..., carrier_changed: _Optional[_Union[_config_pb2.CarrierChanged, _Mapping]] = ..., gateway_added: _Optional[_Union[_config_pb2.GatewayAdded, _Mapping]] = ..., gateway_removed: _Optional[_Union[_config_pb2.GatewayRemoved, _Mapping]] = ..., carrier_suspended: _Optional[_Union[_config_pb2.CarrierSuspended, _Mapping]] = ..., carrier_resumed: _Optional[_Union[_config_pb2.CarrierResumed, _Mapping]] = ..., gateway_changed: _Optional[_Union[_config_pb2.GatewayChanged, _Mapping]] = ..., deck_started: _Optional[_Union[_config_pb2.DeckStarted, _Mapping]] = ..., deck_rows_added: _Optional[_Union[_config_pb2.DeckRowsAdded, _Mapping]] = ..., deck_activated: _Optional[_Union[_config_pb2.DeckActivated, _Mapping]] = ..., pop_drained: _Optional[_Union[_config_pb2.PopDrained, _Mapping]] = ..., pop_undrained: _Optional[_Union[_config_pb2.PopUndrained, _Mapping]] = ..., claim_taken: _Optional[_Union[_config_pb2.ClaimTaken, _Mapping]] = ..., claim_released: _Optional[_Union[_config_pb2.ClaimReleased, _Mapping]] = ...) -> None: ...
