"""`RoutingService` of routing.proto."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

import grpc
import grpc.aio

from trunkline.api.common.v1 import common_pb2
from trunkline.api.events.v1 import config_pb2
from trunkline.api.routing.v1 import routing_pb2, routing_pb2_grpc
from trunkline.domain import commands
from trunkline.domain.decide_routing import existing_carrier
from trunkline.domain.errors import invalid
from trunkline.domain.events import CarrierSettings, DeckId
from trunkline.domain.identity import CARRIER_HIDING, FROM_FORMS, PAI_FORMS
from trunkline.domain.number_formats import NUMBER_FORMATS
from trunkline.domain.numbers import is_prefix
from trunkline.domain.policy import decide_call
from trunkline.domain.views import Carrier, Deck
from trunkline.routing.deck_csv import BYTES_LIMIT
from trunkline.routing.gateway_sights import sights_of
from trunkline.routing.importing import import_deck
from trunkline.routing.resolving import resolve
from trunkline.runtime.authentication import Role, current, require, require_service, tenant_for
from trunkline.runtime.control import ControlState
from trunkline.runtime.deciding import decision_of
from trunkline.runtime.decision_messages import call_of, response_of
from trunkline.runtime.gateway_reports import GatewayReports

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_DEFAULT, PAGE_LIMIT = 100, 1000
CALL_BYTES_LIMIT = 64 << 10
"""Of one call to decide: what an edge reads from a datagram."""

GATEWAY_FIELDS: Final = ("host", "port", "transport", "region", "priority", "weight", "tls_name", "takes_no_options")
"""Of ChangeGatewayRequest, each of which may be left out."""

IMPORTS_AT_ONCE = 1
"""Each holds a deck in memory, and two of one deck would only interrupt each other."""


class RoutingServer(routing_pb2_grpc.RoutingServiceServicer):
    """Operators write. Customers may list routes and ask where a number of their own domains would go. Edges have calls decided."""

    def __init__(self, state: ControlState, region: str, realm: str, reports: GatewayReports) -> None:
        self._state = state
        self._reports = reports
        self._region = region
        self._realm = realm
        self._imports = asyncio.Semaphore(IMPORTS_AT_ONCE)
        self._read_rows: dict[str, int] = {}
        """Of the deck that is being read, lines so far; until its new revision has begun."""

    async def CreateCarrier(self, request: routing_pb2.CreateCarrierRequest, context: Context) -> routing_pb2.CreateCarrierResponse:
        require(Role.OPERATOR)
        settings = _settings(request.settings) if request.HasField("settings") else CarrierSettings()
        command = commands.CreateCarrier(request.carrier, settings)
        receipt = await self._state.write(command, request.write)
        return routing_pb2.CreateCarrierResponse(receipt=receipt, carrier=self._carrier(request.carrier))

    async def ChangeCarrier(self, request: routing_pb2.ChangeCarrierRequest, context: Context) -> routing_pb2.ChangeCarrierResponse:
        require(Role.OPERATOR)
        if not request.HasField("settings"):
            raise invalid("SETTINGS_MISSING", "settings", "no settings were given", "give all of them: what is left out is switched off")
        command = commands.ChangeCarrier(request.carrier, _settings(request.settings))
        receipt = await self._state.write(command, request.write)
        return routing_pb2.ChangeCarrierResponse(receipt=receipt, carrier=self._carrier(request.carrier))

    async def SuspendCarrier(self, request: routing_pb2.SuspendCarrierRequest, context: Context) -> routing_pb2.SuspendCarrierResponse:
        require(Role.OPERATOR)
        receipt = await self._state.write(commands.SuspendCarrier(request.carrier, request.is_ending_calls), request.write)
        return routing_pb2.SuspendCarrierResponse(receipt=receipt, carrier=self._carrier(request.carrier))

    async def ResumeCarrier(self, request: routing_pb2.ResumeCarrierRequest, context: Context) -> routing_pb2.ResumeCarrierResponse:
        require(Role.OPERATOR)
        receipt = await self._state.write(commands.ResumeCarrier(request.carrier), request.write)
        return routing_pb2.ResumeCarrierResponse(receipt=receipt, carrier=self._carrier(request.carrier))

    async def ListCarriers(self, request: routing_pb2.ListCarriersRequest, context: Context) -> routing_pb2.ListCarriersResponse:
        require(Role.OPERATOR, Role.SERVICE)
        carriers = self._state.directory.carriers
        return routing_pb2.ListCarriersResponse(carriers=[_carrier(carriers[name]) for name in sorted(carriers)])

    async def AddGateway(self, request: routing_pb2.AddGatewayRequest, context: Context) -> routing_pb2.AddGatewayResponse:
        require(Role.OPERATOR)
        gateway = request.gateway
        command = commands.AddGateway(
            request.carrier,
            gateway.name,
            gateway.host,
            gateway.region,
            gateway.port,
            gateway.transport,
            gateway.priority,
            gateway.weight or 1,  # left out; a gateway that nobody should use is removed, not weighed 0
            gateway.tls_name,
            gateway.takes_no_options,
        )
        receipt = await self._state.write(command, request.write)
        return routing_pb2.AddGatewayResponse(receipt=receipt, carrier=self._carrier(request.carrier))

    async def ChangeGateway(self, request: routing_pb2.ChangeGatewayRequest, context: Context) -> routing_pb2.ChangeGatewayResponse:
        require(Role.OPERATOR)
        given: dict[str, Any] = {name: getattr(request, name) if request.HasField(name) else None for name in GATEWAY_FIELDS}
        receipt = await self._state.write(commands.ChangeGateway(request.carrier, request.gateway, **given), request.write)
        return routing_pb2.ChangeGatewayResponse(receipt=receipt, carrier=self._carrier(request.carrier))

    async def RemoveGateway(self, request: routing_pb2.RemoveGatewayRequest, context: Context) -> routing_pb2.RemoveGatewayResponse:
        require(Role.OPERATOR)
        receipt = await self._state.write(commands.RemoveGateway(request.carrier, request.gateway), request.write)
        return routing_pb2.RemoveGatewayResponse(receipt=receipt, carrier=self._carrier(request.carrier))

    async def ListGatewayHealth(
        self, request: routing_pb2.ListGatewayHealthRequest, context: Context
    ) -> routing_pb2.ListGatewayHealthResponse:
        require(Role.OPERATOR)
        directory = self._state.directory
        carriers = [existing_carrier(directory, request.carrier)] if request.carrier else list(directory.carriers.values())
        return routing_pb2.ListGatewayHealthResponse(sights=sights_of(carriers, self._reports.fresh(time.time())))

    async def ImportDeck(
        self, request_iterator: AsyncIterator[routing_pb2.ImportDeckRequest], context: Context
    ) -> routing_pb2.ImportDeckResponse:
        require(Role.OPERATOR)
        async with self._imports:
            first, content = await _collected(request_iterator)
            try:
                receipt = await import_deck(
                    self._state,
                    first.deck,
                    first.currency,
                    content,
                    first.write,
                    partial(self._note_read, first.deck),
                    self._read_rows.clear,
                )
            finally:
                self._read_rows.clear()
        return routing_pb2.ImportDeckResponse(receipt=receipt, deck=_deck(self._state.directory.decks[DeckId(first.deck)]))

    async def ListDecks(self, request: routing_pb2.ListDecksRequest, context: Context) -> routing_pb2.ListDecksResponse:
        require(Role.OPERATOR, Role.SERVICE)
        decks = self._state.directory.decks
        shown = [_deck(decks[name]) for name in sorted(decks)]
        for name, read in self._read_rows.items():
            found = next((each for each in shown if each.name == name), None)
            if found is None:
                shown.append(routing_pb2.Deck(name=name, read_rows=read))
            else:
                # What an import that was interrupted has left half filled is none of this one's way.
                found.ClearField("filling_rows")
                found.ClearField("filled_rows")
                found.read_rows = read
        return routing_pb2.ListDecksResponse(decks=shown)

    async def ListRoutes(self, request: routing_pb2.ListRoutesRequest, context: Context) -> routing_pb2.ListRoutesResponse:
        prefix = request.prefix.removeprefix("+")
        if prefix and not is_prefix(prefix):
            raise invalid("PREFIX_INVALID", "prefix", f"{request.prefix[:32]!r} cannot begin an E.164 number", "digits, such as 31")
        start, size = _page(request.page)
        rows = self._state.directory.routes.rows_under(prefix)
        page = list(itertools.islice(rows, start, start + size + 1))
        return routing_pb2.ListRoutesResponse(
            rows=[
                config_pb2.DeckRow(
                    prefix=row.prefix,
                    carrier=row.carrier,
                    priority=row.priority,
                    weight=row.weight,
                    rate_micros=row.rate_micros,
                    destination=row.destination,
                    initial_increment_s=row.initial_increment_s,
                    next_increment_s=row.next_increment_s,
                    connection_fee_micros=row.connection_fee_micros,
                )
                for _, row, _ in page[:size]
            ],
            next_page_token=str(start + size) if len(page) > size else "",
            origins=[routing_pb2.RowOrigin(deck=deck, currency=currency) for deck, _, currency in page[:size]],
        )

    async def Resolve(self, request: routing_pb2.ResolveRequest, context: Context) -> routing_pb2.ResolveResponse:
        tenant = tenant_for(request.tenant) if request.domain or current().role is Role.TENANT else None
        return resolve(
            self._state.directory,
            number=request.number,
            region=request.region or self._region,
            tenant=tenant,
            domain=request.domain,
            position=self._state.replica.covered,
            randomness=random.random(),  # noqa: S311 - a choice by weight, no secret
            view=self._reports.view(request.region or self._region, time.time()),
        )

    async def DecideCall(self, request: routing_pb2.DecideCallRequest, context: Context) -> routing_pb2.DecideCallResponse:
        require_service("edge")
        _check_size(request)
        if not self._state.replica.is_complete:
            why = "this routing service has not read the whole log yet: ask another region's, or again in a moment"
            await context.abort(grpc.StatusCode.UNAVAILABLE, why)
        decided = decide_call(
            call_of(request),
            self._state.directory,
            region=request.region or self._region,
            realm=self._realm,
            randomness=random.random(),  # noqa: S311 - a choice by weight, no secret
            view=self._reports.view(request.region or self._region, time.time()),
        )
        return response_of(decision_of(decided), self._state.replica.covered)

    def _note_read(self, deck: str, lines: int) -> None:
        self._read_rows[deck] = lines

    def _carrier(self, name: str) -> routing_pb2.Carrier:
        return _carrier(existing_carrier(self._state.directory, name))


async def _collected(requests: AsyncIterator[routing_pb2.ImportDeckRequest]) -> tuple[routing_pb2.ImportDeckRequest, bytes]:
    """The first message and the whole CSV. Raises Refusal for one that is too large, as soon as it is."""
    first: routing_pb2.ImportDeckRequest | None = None
    content = bytearray()
    async for request in requests:
        if first is None:
            first = request
        content += request.csv
        if len(content) > BYTES_LIMIT:
            raise invalid("DECK_TOO_LARGE", "csv", f"the file is larger than {BYTES_LIMIT} bytes", "split it into several decks")
    if first is None:
        raise invalid("DECK_EMPTY", "csv", "no message came", "send the deck's name, currency and CSV")
    return first, bytes(content)


def _check_size(request: routing_pb2.DecideCallRequest) -> None:
    if request.ByteSize() > CALL_BYTES_LIMIT:
        raise invalid("CALL_TOO_LARGE", "", f"{request.ByteSize()} bytes of a call; an INVITE has at most {CALL_BYTES_LIMIT}")


def _page(page: common_pb2.Page) -> tuple[int, int]:
    """Start and size."""
    if page.token and not (page.token.isascii() and page.token.isdigit() and len(page.token) < 10):
        raise invalid("PAGE_TOKEN_INVALID", "page.token", "this is no next_page_token of an answer", "begin again without a token")
    if page.size > PAGE_LIMIT:
        raise invalid("PAGE_SIZE_INVALID", "page.size", f"{page.size}; a page has at most {PAGE_LIMIT} entries")
    return int(page.token or 0), page.size or PAGE_DEFAULT


def _settings(settings: config_pb2.CarrierSettings) -> CarrierSettings:
    default = CarrierSettings()
    return CarrierSettings(
        settings.is_trusted,
        settings.has_pai_on_ack,
        settings.sends_pai_without_privacy,
        settings.pdd_limit_s or default.pdd_limit_s,
        settings.number_format,
        settings.country_code,
        settings.international_prefix,
        settings.national_prefix,
        settings.pai_forms,
        settings.from_form,
        settings.hiding,
        takes_refer=settings.takes_refer,
    )


def _carrier(carrier: Carrier) -> routing_pb2.Carrier:
    settings = carrier.settings
    return routing_pb2.Carrier(
        name=carrier.id,
        settings=config_pb2.CarrierSettings(
            is_trusted=settings.is_trusted,
            has_pai_on_ack=settings.has_pai_on_ack,
            sends_pai_without_privacy=settings.sends_pai_without_privacy,
            pdd_limit_s=settings.pdd_limit_s,
            # Of a log older than these the words are empty.
            number_format=settings.number_format or NUMBER_FORMATS[0],
            country_code=settings.country_code,
            international_prefix=settings.international_prefix,
            national_prefix=settings.national_prefix,
            pai_forms=settings.pai_forms or PAI_FORMS[0],
            from_form=settings.from_form or FROM_FORMS[0],
            hiding=settings.hiding or CARRIER_HIDING[0],
            takes_refer=settings.takes_refer,
        ),
        gateways=[
            routing_pb2.Gateway(
                name=gateway.name,
                host=gateway.host,
                port=gateway.port,
                transport=gateway.transport,
                region=gateway.region,
                priority=gateway.priority,
                weight=gateway.weight,
                tls_name=gateway.tls_name,
                takes_no_options=gateway.takes_no_options,
            )
            for gateway in carrier.gateways
        ],
        version=carrier.version,
        is_suspended=carrier.is_suspended,
    )


def _deck(deck: Deck) -> routing_pb2.Deck:
    pending = deck.pending
    return routing_pb2.Deck(
        name=deck.id,
        revision=deck.revision,
        rows=deck.rows,
        currency=deck.currency,
        version=deck.version,
        filling_rows=pending.rows if pending is not None else 0,
        filled_rows=pending.received if pending is not None else 0,
    )
