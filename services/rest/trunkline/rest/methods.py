"""The methods of the platform's services by name, from their descriptors: `provisioning.CreateAcl`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2
from trunkline.api.records.v1 import records_pb2
from trunkline.api.routing.v1 import routing_pb2

WRITE: Final = "write"
"""The field of a request that says how it is to be written; its answer carries a receipt."""


@dataclass(frozen=True, slots=True)
class Method:
    """`service` is the kind of process that answers, `path` what gRPC calls it by."""

    service: str
    path: str
    request: Descriptor
    answer: Descriptor

    @property
    def request_class(self) -> type[Message]:
        return GetMessageClass(self.request)

    @property
    def answer_class(self) -> type[Message]:
        return GetMessageClass(self.answer)

    @property
    def is_writing(self) -> bool:
        return WRITE in self.request.fields_by_name


def _methods() -> Mapping[str, Method]:
    files = {
        "auth": auth_pb2,
        "dns": dns_pb2,
        "edge": edge_pb2,
        "provisioning": provisioning_pb2,
        "records": records_pb2,
        "routing": routing_pb2,
    }
    return {
        f"{kind}.{method.name}": _method(kind, service.full_name, method)
        for kind, file in files.items()
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def _method(kind: str, service: str, method: MethodDescriptor) -> Method:
    return Method(kind, f"/{service}/{method.name}", method.input_type, method.output_type)


METHODS: Final = _methods()
WAIT_APPLIED: Final = METHODS["provisioning.WaitApplied"]
"""Which tells where a change is in force."""
