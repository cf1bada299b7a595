"""Two tenants of a running platform that have everything, each with marks of its own in all its names, and what one asks with its key."""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from helpers import sipp
from helpers.everywhere import LISTED
from helpers.platform import Platform, wait_for
from helpers.platform_grpc import blocking_channel, operator

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.records.v1 import records_pb2
from trunkline.api.routing.v1 import routing_pb2

SERVICES: tuple[tuple[str, ServiceDescriptor], ...] = (
    ("provisioning-eu", p.DESCRIPTOR.services_by_name["ProvisioningService"]),
    ("routing-eu", routing_pb2.DESCRIPTOR.services_by_name["RoutingService"]),
    ("records-eu", records_pb2.DESCRIPTOR.services_by_name["RecordsService"]),
    ("auth-eu", auth_pb2.DESCRIPTOR.services_by_name["AuthService"]),
    ("dns-eu", dns_pb2.DESCRIPTOR.services_by_name["DnsService"]),
    ("edge-eu1", edge_pb2.DESCRIPTOR.services_by_name["EdgeService"]),
)
METHODS: tuple[tuple[str, MethodDescriptor], ...] = tuple((process, method) for process, service in SERVICES for method in service.methods)
STREAM_LIMIT = 50
CALL_LIMIT_S = 1.5
MARK = re.compile(rb"zq[a-z]x[0-9a-f]{6}")


@dataclass(frozen=True)
class Owner:
    """A tenant and all names that it has. The same fields of a `stranger` are names of the same form that nobody has."""

    tenant: str
    acl: str
    account: str
    label: str
    key_name: str
    description: str
    number: str
    address: str
    request_id: str
    call: str = ""
    key: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.tenant, self.acl, self.account, self.label, self.key_name, self.number, self.address, self.request_id, self.call)


def names_of(kind: str, *, octet: int) -> Owner:
    """Every name with a mark of its own: the third letter tells tenants' marks from one another."""

    def mark() -> str:
        return f"zq{kind}x{secrets.token_hex(3)}"

    return Owner(
        tenant=f"{mark()}-t",
        acl=f"{mark()}_ACL",
        account=f"{mark()}.user",
        label=f"{mark()}label",
        key_name=f"{mark()}-key",
        description=f"{mark()} office",
        number=f"+3120{secrets.randbelow(10**7):07d}",
        address=f"198.51.{octet}.0/24",
        request_id=f"{mark()}-request",
        call=f"{mark()}-call",
    )


def create(platform: Platform, folder: Path, owner: Owner) -> Owner:
    """The tenant with everything; its API key and the id of a refused call of its own."""
    key = f"tk_{secrets.token_urlsafe(32)}"
    with blocking_channel(platform, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        as_operator = {"metadata": operator(platform), "timeout": 10}
        stub.CreateTenant(p.CreateTenantRequest(tenant=owner.tenant, name=owner.description), **as_operator)
        hashed = hashlib.sha256(key.encode()).digest()
        stub.CreateApiKey(p.CreateApiKeyRequest(tenant=owner.tenant, name=owner.key_name, key_hash=hashed), **as_operator)
        mine: dict[str, Any] = {"metadata": (("authorization", f"Bearer {key}"),), "timeout": 10}
        stub.CreateAcl(p.CreateAclRequest(acl=owner.acl, write={"request_id": owner.request_id}), **mine)  # type: ignore[arg-type]
        stub.AddAddress(p.AddAddressRequest(acl=owner.acl, address=owner.address, description=owner.description), **mine)
        account = p.AddAccountRequest(acl=owner.acl, username=owner.account, password=secrets.token_urlsafe(16), caller_id=owner.number)
        stub.AddAccount(account, **mine)
        stub.CreateDomain(p.CreateDomainRequest(label=owner.label), **mine)
        attached = stub.AttachAcl(p.AttachAclRequest(label=owner.label, acl=owner.acl), **mine)
        for answer in stub.WaitApplied(p.WaitAppliedRequest(position=attached.receipt.position, pops=["eu1"]), **mine):
            assert answer.is_applied
    host = f"{owner.label}.{platform.local['base_domain']}"
    caller = sipp.Caller(host=host, number=owner.number, from_user=owner.account)
    refused = sipp.refused_call(caller, 403, "T203")
    sipp.run(folder / owner.tenant, refused, target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    listed = ("call", "list", "--as-operator", "--tenant", owner.tenant, "--number", owner.number)
    rows = wait_for("its record", lambda: platform.json(*listed))
    return Owner(**{**owner.__dict__, "key": key, "call": rows[0]["call"]})


@dataclass(repr=False)
class Scene:
    """`written` is what the second tenant wrote into its own things: it may read that again, whoever else uses the name."""

    platform: Platform
    first: Owner
    second: Owner
    stranger: Owner
    channels: dict[str, grpc.Channel]
    written: bytes = b""
    spent: set[str] = field(default_factory=set)
    """Request ids of others that the second tenant has used."""

    def __repr__(self) -> str:
        return f"Scene({self.first.tenant}, {self.second.tenant})"

    def ask(self, process: str, method: MethodDescriptor, request: Message, key: str) -> tuple[grpc.StatusCode, bytes, str]:
        """Status, everything that came back as bytes, and the text that a person is shown."""
        service = method.containing_service.full_name
        kinds = {
            "request_serializer": type(request).SerializeToString,
            "response_deserializer": GetMessageClass(method.output_type).FromString,
        }
        name, channel = f"/{service}/{method.name}", self.channels[process]
        meta: dict[str, Any] = {"metadata": (("authorization", f"Bearer {key}"),), "timeout": CALL_LIMIT_S}
        answers: list[Message] = []
        try:
            match method.client_streaming, method.server_streaming:
                case False, False:
                    answers.append(channel.unary_unary(name, **kinds)(request, **meta))
                case True, False:
                    answers.append(channel.stream_unary(name, **kinds)(iter([request]), **meta))
                case _:
                    stream = channel.unary_stream(name, **kinds)(request, **meta)
                    answers += itertools.islice(stream, STREAM_LIMIT)
                    stream.cancel()
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and method.server_streaming:
                return grpc.StatusCode.OK, b"".join(each.SerializeToString() for each in answers), ""
            trailing = b"".join(value if isinstance(value, bytes) else value.encode() for _, value in error.trailing_metadata() or ())
            return error.code(), (error.details() or "").encode() + trailing, error.details() or ""
        return grpc.StatusCode.OK, b"".join(each.SerializeToString() for each in answers), ""

    def owned_by_first(self) -> bytes:
        """What the first tenant reads of its own."""
        found = b""
        for process, name in (("provisioning-eu", "ListAcls"), ("provisioning-eu", "ListDomains"), ("records-eu", "ListRecords")):
            method = next(m for at, m in METHODS if at == process and m.name == name)
            status, content, _ = self.ask(process, method, GetMessageClass(method.input_type)(), self.first.key)
            assert status is grpc.StatusCode.OK
            found += content
        return found


@contextmanager
def two_tenants(platform: Platform, folder: Path) -> Iterator[Scene]:
    first = create(platform, folder, names_of("a", octet=7))
    second = create(platform, folder, names_of("b", octet=8))
    channels = {process: blocking_channel(platform, process) for process, _ in SERVICES}
    yield Scene(platform, first, second, names_of("c", octet=9), channels)
    for channel in channels.values():
        channel.close()
