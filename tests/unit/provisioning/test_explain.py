"""What is asked of explain, before anything is looked up, and what records of an earlier version make of it."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor import FieldDescriptor
from helpers.authority import tls_of

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceServicer, add_RecordsServiceServicer_to_server
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import TenantId
from trunkline.provisioning.explain import Explainer
from trunkline.provisioning.questions import DESCRIBING, check
from trunkline.provisioning.settings import PopSettings
from trunkline.runtime.grpc_pool import PeerPool

ACME = TenantId("acme")
POPS = [PopSettings(name="eu1", region="eu", edge="edge-eu1", grpc_address="127.0.0.1:1")]


class Records(RecordsServiceServicer):
    """Of a version that knows nothing of provisioning, or away."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    async def GetRecord(self, request: Any, context: Any) -> Any:
        await context.abort(self._code, "provisioning may not call GetRecord")


async def asked(code: grpc.StatusCode) -> None:
    tls, server = tls_of("records"), grpc.aio.server()
    add_RecordsServiceServicer_to_server(Records(code), server)
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    credentials = grpc.ssl_server_credentials([pair], tls.ca_file.read_bytes(), require_client_auth=True)
    address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
    await server.start()
    records = PeerPool([address], tls=tls_of("provisioning", "provisioning-eu"), peer="records")
    nothing: Any = None
    try:
        explainer = Explainer(nothing, nothing, "sip.trunkline.test", POPS, "eu", nothing, nothing, nothing, records)
        await explainer.explain(ACME, pb.ExplainRequest(call="last"))
    finally:
        await records.close()
        await server.stop(None)


async def test_that_records_know_nothing_of_this_service_is_no_lack_of_a_customers_rights() -> None:
    with pytest.raises(Refusal) as caught:
        await asked(grpc.StatusCode.PERMISSION_DENIED)
    assert (caught.value.code, caught.value.reason) == (ErrorCode.FAILED_PRECONDITION, "RECORDS_NOT_UPDATED") and caught.value.remedy


async def test_what_else_records_answer_is_told_as_it_is() -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asked(grpc.StatusCode.NOT_FOUND)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("name", DESCRIBING)
def test_a_call_that_is_named_is_not_described_as_well(name: str) -> None:
    request = pb.ExplainRequest(call="last")
    field = request.DESCRIPTOR.fields_by_name[name]
    if field.is_repeated:
        getattr(request, name).append("x")
    else:
        setattr(request, name, True if field.type == FieldDescriptor.TYPE_BOOL else "x")
    with pytest.raises(Refusal) as caught:
        check(request)
    assert (caught.value.code, caught.value.reason, caught.value.field) == (ErrorCode.INVALID_ARGUMENT, "CALL_DESCRIBED_TOO", name)


def test_every_field_is_either_of_a_description_or_goes_with_a_named_call() -> None:
    check(pb.ExplainRequest(tenant="acme", call="last", at_position=7, changes=[pb.ExplainChange(attach_acl="office")]))
    others = {"tenant", "record", "at_position", "at_time", "is_now", "changes", "call"}
    assert {field.name for field in pb.ExplainRequest.DESCRIPTOR.fields} == others | set(DESCRIBING)
