"""Asking auth for keys over gRPC. Apart from `trunkline.edge.keys`, so that an edge serves calls before gRPC is even loaded."""

from __future__ import annotations

import grpc.aio

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.edge.keys import Fetch, KeysUnavailable
from trunkline.runtime.grpc_pool import PeerPool

FETCH_DEADLINE_S = 5.0
"""Of one auth service."""


def keys_from(auth: PeerPool) -> Fetch:
    """What `KeyKeeper.run` asks with."""

    async def fetch() -> auth_pb2.FetchKeysResponse:
        try:
            return await auth.ask(lambda channel: AuthServiceStub(channel).FetchKeys(auth_pb2.FetchKeysRequest()), try_s=FETCH_DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            raise KeysUnavailable(f"auth: {error.code().name}: {error.details()}") from error

    return fetch
