"""The routing service's process: `trunkline-routing --settings FILE`."""

from __future__ import annotations

from trunkline.api.routing.v1 import routing_pb2_grpc
from trunkline.routing.server import RoutingServer
from trunkline.routing.settings import RoutingSettings
from trunkline.runtime.authentication import Authenticator, tenant_keys_of
from trunkline.runtime.control import ControlState
from trunkline.runtime.gateway_hearing import hear_gateways
from trunkline.runtime.gateway_reports import GatewayReports
from trunkline.runtime.grpc_server import GrpcServer
from trunkline.runtime.key_use import KeyUses, tell_key_uses, tell_last_uses
from trunkline.runtime.service import Lifecycle, run_service


async def start(settings: RoutingSettings, life: Lifecycle) -> None:
    """Ready when the replica holds what the log held at the start, or once held it all where the log is away."""
    state = await ControlState.open(settings, life)
    reports = GatewayReports()
    await hear_gateways(state.nc, reports)
    uses = KeyUses()
    life.on_stop("last uses of keys", lambda: tell_last_uses(state.nc, settings.name, uses))
    authenticator = Authenticator(settings.operator_key_hash, tenant_keys_of(lambda: state.directory), on_use=uses.note)
    life.spawn("uses of keys", tell_key_uses(state.nc, settings.name, uses))
    server = GrpcServer(settings.grpc_listen, settings.tls, authenticator)
    routing_pb2_grpc.add_RoutingServiceServicer_to_server(RoutingServer(state, settings.region, settings.realm, reports), server.grpc)
    await server.start()
    life.on_stop("grpc", server.stop)
    await state.complete()
    await server.set_serving(True)


def main() -> None:
    run_service(RoutingSettings, start)


if __name__ == "__main__":
    main()
