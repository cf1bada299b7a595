"""Files that are made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from starlette.responses import StreamingResponse

from trunkline.rest.backend import Backend
from trunkline.rest.methods import Method

CSV: Final = "text/csv"
JSON_LINES: Final = "application/jsonl"


async def file_response(backend: Backend, method: Method, asked: Any, key: str, source: str) -> StreamingResponse:
    """Begins when the first piece is there, so that a refusal is an answer of its own. Raises AioRpcError before that.

    What goes wrong later ends the connection without the last chunk: the reader sees that the file is not whole.
    """
    pieces = backend.pieces(method, asked, key, source)
    first = await anext(pieces, b"")
    is_lines = asked.format == "jsonl"

    async def content() -> AsyncIterator[bytes]:
        async with aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece

    name = f"records.{'jsonl' if is_lines else 'csv'}"
    return StreamingResponse(
        content(), media_type=JSON_LINES if is_lines else CSV, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
