"""Where replicas stand, by their own word and by what is asked of edges."""

from __future__ import annotations

from helpers.waiting import until
from integration.provisioning.conftest import Service
from integration.provisioning.test_writes import refused

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb

LIMIT_S = 30.0


async def test_a_service_tells_where_its_replica_stands_and_an_edge_that_is_down_is_named(service: Service) -> None:
    acme, operator = await service.tenant("acme"), await service.stub()
    position = (await acme.CreateAcl(pb.CreateAclRequest(acl="office"))).receipt.position

    async def asked() -> pb.ListReplicasResponse:
        return await operator.ListReplicas(pb.ListReplicasRequest())

    def has_told(answer: pb.ListReplicasResponse) -> bool:
        return any(row.kind == "provisioning" and row.state == "following" and row.position == position for row in answer.replicas)

    answer = await until("its own word", asked, has_told, limit_s=LIMIT_S)
    assert (answer.home, answer.head) == ("eu", position) and answer.epoch
    rows = {row.kind: row for row in answer.replicas}
    assert rows["provisioning"].epoch == answer.epoch and rows["provisioning"].digest and not rows["provisioning"].differs
    assert (rows["edge"].state, rows["edge"].process) == ("silent", "edge-eu1") and rows["edge"].problem
    [region] = answer.regions
    assert (region.name, region.is_home, region.replicas, region.following) == ("eu", True, 2, 1)
    assert (await refused(acme.ListReplicas(pb.ListReplicasRequest()))).reason == "ROLE_NOT_ALLOWED"
