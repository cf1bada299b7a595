"""Names for the shell's completion, asked of the service. What cannot be asked in a moment is not offered: no error reaches the prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import grpc.aio
from cyclopts.completion import CompletionContext

from trunkline.api.auth.v1 import auth_pb2 as auth
from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.api.records.v1 import records_pb2 as records
from trunkline.api.routing.v1 import routing_pb2 as routing
from trunkline.cli.connection import Session, session
from trunkline.cli.contexts import read_contexts
from trunkline.cli.exits import CommandError
from trunkline.domain.reasons import REGISTRY

PATIENCE_S: Final = 1.0
"""What a person waits for at the prompt."""

CALLS_OFFERED: Final = 20
"""The newest; nobody chooses from more at the prompt."""

Names = Sequence[tuple[str, str]]
"""Each with what it is."""


class _Typed:
    """What stands on the line already."""

    def __init__(self, context: CompletionContext) -> None:
        self._context = context

    def value(self, name: str) -> str:
        try:
            return self._context[name].raw or ""
        except KeyError:
            return ""

    @property
    def tenant(self) -> str:
        return self.value("--tenant")

    @property
    def is_operator(self) -> bool:
        try:
            return self._context["--as-operator"].provided
        except KeyError:
            return False


Ask = Callable[[Session, _Typed], Awaitable[Names]]


def completer(ask: Ask, *, is_operators: bool = False) -> Callable[[CompletionContext], Names]:
    """For `Parameter(completer=...)`. `is_operators`: only the operator's key may ask."""

    def complete(context: CompletionContext) -> Names:
        typed = _Typed(context)
        try:
            return asyncio.run(_asked(ask, typed, is_operator=is_operators or typed.is_operator))
        except (grpc.aio.AioRpcError, CommandError, TimeoutError, OSError):
            return ()

    return complete


async def _asked(ask: Ask, typed: _Typed, *, is_operator: bool) -> Names:
    async with asyncio.timeout(PATIENCE_S), session(is_operator=is_operator) as connected:
        return await ask(connected, typed)


async def _tenants(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.provisioning()).ListTenants(provisioning.ListTenantsRequest())
    return [(each.id, each.name) for each in answer.tenants]


async def _acls(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.provisioning()).ListAcls(provisioning.ListAclsRequest(tenant=typed.tenant))
    return [(each.name, f"{len(each.addresses)} addresses, {len(each.accounts)} accounts") for each in answer.acls]


async def _acl(connected: Session, typed: _Typed) -> provisioning.Acl:
    request = provisioning.GetAclRequest(tenant=typed.tenant, acl=typed.value("name"))
    return (await (await connected.provisioning()).GetAcl(request)).acl


async def _addresses(connected: Session, typed: _Typed) -> Names:
    return [(each.cidr, each.description) for each in (await _acl(connected, typed)).addresses]


async def _accounts(connected: Session, typed: _Typed) -> Names:
    return [(each.username, each.caller_id) for each in (await _acl(connected, typed)).accounts]


async def _domains(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.provisioning()).ListDomains(provisioning.ListDomainsRequest(tenant=typed.tenant))
    return [(each.label, ", ".join(each.acls)) for each in answer.domains]


async def _keys(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.provisioning()).ListApiKeys(provisioning.ListApiKeysRequest(tenant=typed.tenant))
    return [(each.id, each.name) for each in answer.api_keys]


async def _pops(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.provisioning()).ListPops(provisioning.ListPopsRequest())
    return [(each.name, f"{each.region}, {each.state}") for each in answer.pops]


async def _carriers(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.routing()).ListCarriers(routing.ListCarriersRequest())
    return [(each.name, f"{len(each.gateways)} gateways") for each in answer.carriers]


async def _gateways(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.routing()).ListCarriers(routing.ListCarriersRequest())
    return [(gateway.name, gateway.host) for each in answer.carriers if each.name == typed.value("owner") for gateway in each.gateways]


async def _decks(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.routing()).ListDecks(routing.ListDecksRequest())
    return [(each.name, f"{each.rows} rows") for each in answer.decks]


async def _regions(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.provisioning()).ListPops(provisioning.ListPopsRequest())
    regions = dict.fromkeys(each.region for each in answer.pops)
    return [(region, ", ".join(each.name for each in answer.pops if each.region == region)) for region in regions]


async def _places(connected: Session, typed: _Typed) -> Names:
    """Of `--wait`."""
    ways = [("all", "everywhere"), ("region", "that of the service"), ("pop", "the first")]
    return [*ways, *await _regions(connected, typed), *await _pops(connected, typed)]


async def _calls(connected: Session, typed: _Typed) -> Names:
    request = records.ListRecordsRequest(tenant=typed.tenant, page=common_pb2.Page(size=CALLS_OFFERED))
    answer = await (await connected.records()).ListRecords(request)
    return [("last", "the newest"), *((each.call, f"{each.number} {each.outcome}") for each in answer.records)]


async def _live_calls(connected: Session, typed: _Typed) -> Names:
    request = records.ListRecordsRequest(tenant=typed.tenant, outcome="live", page=common_pb2.Page(size=CALLS_OFFERED))
    answer = await (await connected.records()).ListRecords(request)
    return [(each.call, f"{each.number} since {each.answer_time.ToJsonString()}") for each in answer.records]


async def _bans(connected: Session, typed: _Typed) -> Names:
    answer = await (await connected.auth()).ListBans(auth.ListBansRequest())
    return [(each.cidr, each.reason) for each in answer.bans[:CALLS_OFFERED]]


def complete_reasons(context: CompletionContext) -> Names:
    return [(each.code, each.text) for each in REGISTRY]


complete_regions = completer(_regions)
complete_places = completer(_places)
complete_calls = completer(_calls)
complete_live_calls = completer(_live_calls)
complete_bans = completer(_bans, is_operators=True)
complete_keys = completer(_keys)
complete_tenants = completer(_tenants, is_operators=True)
complete_acls = completer(_acls)
complete_addresses = completer(_addresses)
complete_accounts = completer(_accounts)
complete_domains = completer(_domains)
complete_pops = completer(_pops)
complete_carriers = completer(_carriers, is_operators=True)
complete_gateways = completer(_gateways, is_operators=True)
complete_decks = completer(_decks, is_operators=True)


def complete_contexts(context: CompletionContext) -> Names:
    try:
        return [(name, "") for name in read_contexts().contexts]
    except CommandError:
        return ()
