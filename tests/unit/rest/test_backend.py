"""How long services are given: what may read much of the log or of the records gets more than the rest."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest
from helpers.authority import tls_of
from helpers.ports import free_port

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceServicer, add_ProvisioningServiceServicer_to_server
from trunkline.rest.backend import DEADLINE_S, Backend
from trunkline.rest.methods import METHODS
from trunkline.rest.settings import Addresses
from trunkline.runtime.grpc_client import EXPLAIN_LIMIT_S

SLACK_S = 10
"""A busy machine's, on the way."""


class Provisioning(ProvisioningServiceServicer):
    """`given_s` is how long the last asker gave it."""

    given_s = 0.0

    async def Explain(self, request: pb.ExplainRequest, context: Any) -> pb.ExplainResponse:
        self.given_s = context.time_remaining()
        return pb.ExplainResponse()

    async def ListAcls(self, request: pb.ListAclsRequest, context: Any) -> pb.ListAclsResponse:
        self.given_s = context.time_remaining()
        return pb.ListAclsResponse()


@pytest.mark.parametrize(("name", "limit_s"), [("provisioning.Explain", EXPLAIN_LIMIT_S), ("provisioning.ListAcls", DEADLINE_S)])
async def test_explain_is_given_the_time_to_read_the_log(name: str, limit_s: float) -> None:
    tls, server, provisioning = tls_of("provisioning"), grpc.aio.server(), Provisioning()
    add_ProvisioningServiceServicer_to_server(provisioning, server)
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    credentials = grpc.ssl_server_credentials([pair], tls.ca_file.read_bytes(), require_client_auth=True)
    address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
    nobody = f"127.0.0.1:{free_port()}"
    await server.start()
    backend = Backend(
        Addresses(provisioning=address, auth=nobody, routing=nobody, records=nobody, dns=nobody), (), tls_of("rest", "rest-eu")
    )
    method = METHODS[name]
    await backend.ask(method, method.request_class(), "tk_x", "192.0.2.1")
    await backend.close()
    await server.stop(None)
    assert limit_s - SLACK_S < provisioning.given_s < limit_s + 1
