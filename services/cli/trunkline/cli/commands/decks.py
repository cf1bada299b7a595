"""`trunkline deck`: route decks of up to 200,000 rows and more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc.aio
from cyclopts import App
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from trunkline.api.routing.v1 import routing_pb2 as routing
from trunkline.cli.commands.routes import route
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, WRITING, DeckName, Listing, Writing
from trunkline.cli.output import errors, plain, show_list
from trunkline.cli.writing import finish

if TYPE_CHECKING:
    from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceAsyncStub

CHUNK_BYTES: Final = 256 * 1024
IMPORT_LIMIT_S: Final = 300.0
MAX_DECK_BYTES: Final = 64 << 20
LOOK_S: Final = 0.3
"""Between two looks at how far it is."""

deck = App(name="deck", help="Route decks (operators).")


@deck.command(name="import")
async def import_deck(name: DeckName, file: Path, *, currency: str = "EUR", options: Writing = WRITING) -> None:
    """Replaces a route deck by a CSV file; calls go by the old one until the new one is whole. A bad row refuses the whole file and is
    named by line and column. On a terminal a bar shows how far it is.

    Parameters
    ----------
    name: The deck's name.
    file: Columns prefix,carrier,priority,weight,rate,destination with a header line.
    currency: ISO 4217, such as EUR.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read", why=error.strerror or str(error), code=Exit.USAGE) from error
    if len(content) > MAX_DECK_BYTES:
        raise CommandError(f"{file} has {len(content)} bytes", why=f"a deck has at most {MAX_DECK_BYTES}", code=Exit.USAGE)

    async def chunks() -> AsyncIterator[routing.ImportDeckRequest]:
        yield routing.ImportDeckRequest(write=options.options(), deck=name, currency=currency)
        for start in range(0, len(content), CHUNK_BYTES):
            yield routing.ImportDeckRequest(csv=content[start : start + CHUNK_BYTES])

    async with session(is_operator=True) as connected:
        stub = await connected.routing()
        async with _bar(stub, name, content.count(b"\n"), is_shown=errors.is_terminal):
            answer = await stub.ImportDeck(chunks(), timeout=IMPORT_LIMIT_S)
        await finish(connected, options, f"imported {answer.deck.rows} rows as deck {name}", answer.receipt, answer.deck)


@deck.command(name="list")
async def list_decks(*, options: Listing = LISTING) -> None:
    """Lists route decks, and how far one is that is being filled."""
    async with session(is_operator=True) as connected:
        answer = await (await connected.routing()).ListDecks(routing.ListDecksRequest())
    rows = [plain(row) for row in answer.decks]
    show_list(
        options.output, rows, ["name", "rows", "currency", "revision", "filled_rows", "filling_rows", "version"], nothing="no deck yet"
    )


route.command(import_deck, name="import")
route.command(list_decks, name="decks")


@asynccontextmanager
async def _bar(stub: RoutingServiceAsyncStub, name: str, lines: int, *, is_shown: bool) -> AsyncIterator[None]:
    """On a terminal: how many lines the service has checked, then how many rows stand in the log. `lines` are those of the file."""
    if not is_shown:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        bars = Bars(progress, lines)

        async def look() -> None:
            while True:
                try:
                    decks = (await stub.ListDecks(routing.ListDecksRequest())).decks
                except grpc.aio.AioRpcError:
                    # The import itself says what is wrong; the bar stands still.
                    return
                found = next((each for each in decks if each.name == name), None)
                if found is not None:
                    bars.show(found)
                await asyncio.sleep(LOOK_S)

        looking = asyncio.ensure_future(look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait({looking})


class Bars:
    """One for the lines that are checked, below it one for the rows that stand in the log. Neither goes back, whatever is told: an import
    of the same name by somebody else is told under that name too."""

    def __init__(self, progress: Progress, lines: int) -> None:
        self._progress = progress
        self._lines = lines
        self._checked = progress.add_task("lines checked", total=lines)
        self._logged: TaskID | None = None

    def show(self, deck: routing.Deck) -> None:
        if deck.filling_rows:
            if self._logged is None:
                self._logged = self._progress.add_task("rows in the log", total=deck.filling_rows)
                self._advance(self._checked, self._lines)
            self._advance(self._logged, deck.filled_rows)
        elif deck.read_rows:
            self._advance(self._checked, deck.read_rows)

    def _advance(self, task: TaskID, completed: int) -> None:
        shown = self._progress.tasks[self._progress.task_ids.index(task)]
        self._progress.update(task, completed=max(shown.completed, min(completed, shown.total or 0)))
