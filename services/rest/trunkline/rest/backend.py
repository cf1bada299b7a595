"""The services behind REST: one channel each for all callers, the caller's API key and address with every request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Final

import grpc.aio
from google.protobuf.message import Message

from trunkline.rest.answers import plain
from trunkline.rest.methods import METHODS, Method
from trunkline.rest.settings import Addresses
from trunkline.runtime.asking_edges import NOT_HEARD, from_edges
from trunkline.runtime.grpc_client import EXPLAIN_LIMIT_S, brought_from, open_channel
from trunkline.runtime.settings import EdgeAddress
from trunkline.runtime.tls import TlsSettings

DEADLINE_S: Final = 15.0
"""Of a call with one answer; a write waits for the log, which may take some seconds while home is restarted."""
LONGER_S: Final[Mapping[str, float]] = {
    METHODS["provisioning.Explain"].path: EXPLAIN_LIMIT_S,
    METHODS["provisioning.ExplainCalls"].path: 60.0,
}
"""Of those that may read much of the log, or of the records."""
STREAM_LIMIT_S: Final = 35.0
"""Of a stream that ends by itself: WaitApplied takes 30 s at most."""
UPLOAD_LIMIT_S: Final = 300.0
DOWNLOAD_LIMIT_S: Final = 3_600.0
"""Of a file; a reader that is slower is cut off."""
EDGE_LIMIT_S: Final = 3.0
"""Of each edge where all are asked: one that is frozen must not hold up what the others say."""

Metadata = tuple[tuple[str, str], ...]


class Backend:
    """`close` it at the end."""

    def __init__(self, services: Addresses, edges: Sequence[EdgeAddress], tls: TlsSettings) -> None:
        """OSError where the certificate cannot be read."""
        self._services = {
            kind: open_channel(address, tls=tls, peer=kind, deadline_s=DEADLINE_S) for kind, address in services.model_dump().items()
        }
        self._edges = [(each, open_channel(each.grpc_address, tls=tls, peer="edge", deadline_s=EDGE_LIMIT_S)) for each in edges]

    async def close(self) -> None:
        for channel in (*self._services.values(), *(channel for _, channel in self._edges)):
            await channel.close()

    async def ask(self, method: Method, request: Message, key: str, source: str) -> Message:
        """Raises AioRpcError, as all that follow."""
        call = _unary(self._services[method.service], method)
        answer: Message = await call(request, metadata=brought_from(source, key), timeout=LONGER_S.get(method.path))
        return answer

    async def gather(self, method: Method, request: Message, key: str, source: str) -> list[Message]:
        """The answers of a stream that ends by itself."""
        call = self._services[method.service].unary_stream(
            method.path, request_serializer=method.request_class.SerializeToString, response_deserializer=method.answer_class.FromString
        )
        return [answer async for answer in call(request, metadata=brought_from(source, key), timeout=STREAM_LIMIT_S)]

    async def pieces(self, method: Method, request: Message, key: str, source: str) -> AsyncGenerator[bytes]:
        """The `data` of the answers of a stream, however long it is; closing it ends the call."""
        call = self._services[method.service].unary_stream(
            method.path, request_serializer=method.request_class.SerializeToString, response_deserializer=method.answer_class.FromString
        )(request, metadata=brought_from(source, key), timeout=DOWNLOAD_LIMIT_S)
        answer: Any
        try:
            async for answer in call:
                yield answer.data
        finally:
            call.cancel()

    async def upload(self, method: Method, pieces: AsyncIterator[Message], key: str, source: str) -> Message:
        call = self._services[method.service].stream_unary(
            method.path, request_serializer=method.request_class.SerializeToString, response_deserializer=method.answer_class.FromString
        )
        answer: Message = await call(pieces, metadata=brought_from(source, key), timeout=UPLOAD_LIMIT_S)
        return answer

    async def ask_all_edges(self, method: Method, request: Message, key: str, source: str) -> dict[str, Any]:
        """What all list, put together: each item with its `pop` and `edge`, how many there are, and who did not answer in `missing_pops`.

        Where none answers, or one refuses, that is raised.
        """
        listed = method.answer.fields[0].name
        items: list[dict[str, Any]] = []
        missing: set[str] = set()
        answered: set[str] = set()
        total = 0
        silent: list[grpc.aio.AioRpcError] = []
        for edge, answer in await self._of_edges(method, request, brought_from(source, key)):
            if isinstance(answer, grpc.aio.AioRpcError):
                if answer.code() not in NOT_HEARD:
                    raise answer
                missing.add(edge.pop)
                silent.append(answer)
                continue
            answered.add(edge.pop)
            told = plain(answer)
            items += [{**item, "pop": edge.pop, "edge": edge.edge} for item in told[listed]]
            total += told["total"] or len(told[listed])
        if silent and not answered:
            raise silent[-1]
        return {listed: items, "total": total, "missing_pops": sorted(missing - answered)}

    async def ask_any_edge(self, method: Method, request: Message, key: str, source: str) -> Message:
        """The answer of the edge that knows what it is about; else a refusal: that nobody knows it only where all were heard."""
        refusals: list[grpc.aio.AioRpcError] = []
        for _, answer in await self._of_edges(method, request, brought_from(source, key)):
            if not isinstance(answer, grpc.aio.AioRpcError):
                return answer
            refusals.append(answer)
        raise min(refusals, key=lambda error: (error.code() is grpc.StatusCode.NOT_FOUND, error.code() in NOT_HEARD))

    async def _of_edges(
        self, method: Method, request: Message, metadata: Metadata
    ) -> list[tuple[EdgeAddress, Message | grpc.aio.AioRpcError]]:
        async def of(channel: grpc.aio.Channel) -> Message | grpc.aio.AioRpcError:
            try:
                answer: Message = await _unary(channel, method)(request, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                return error
            return answer

        answers = from_edges(await asyncio.gather(*(of(channel) for _, channel in self._edges)))
        return [(edge, answer) for (edge, _), answer in zip(self._edges, answers, strict=True)]


def _unary(channel: grpc.aio.Channel, method: Method) -> Any:
    return channel.unary_unary(
        method.path, request_serializer=method.request_class.SerializeToString, response_deserializer=method.answer_class.FromString
    )
