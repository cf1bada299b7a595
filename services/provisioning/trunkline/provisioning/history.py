"""The history of changes: the log's commits, newest first, found by the replica's file and read from the log itself."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from google.protobuf import text_format
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.events.v1 import commit_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.addresses import canonical_ip
from trunkline.domain.errors import invalid
from trunkline.domain.events import ApiKeyCreated, Kind, Position, TenantId
from trunkline.eventlog.history import Wanted
from trunkline.eventlog.log import EventLog, StoredCommit
from trunkline.eventlog.replica import Replica
from trunkline.provisioning.feed import shown_commit
from trunkline.provisioning.pages import DEFAULT_SIZE, bad_token, last_shown, token_after
from trunkline.runtime.fields import unix_ns

MAX_SIZE: Final = 200
"""Entries on a page: each is read from the log by itself."""

MAX_LOOKED_AT: Final = 2_000
"""Commits read for one page by a filter that the replica's file does not know; beyond them the page is short, and the next one goes on."""

AT_ONCE: Final = 32
"""Commits under way from the log; one may have 256 KiB."""

MAX_CHANGE: Final = 500
"""Characters of one change for people."""

KEY_COMMITS: Final = 2
"""Of an API key there are no more: it is made, and revoked."""

MAX_KEY_NAMES: Final = 1_000
"""Remembered, with their actors: a name is given once."""

_KEY: Final = re.compile(r"tenant:([^/]+)/key:(.+)")
_END: Final = Position(2**63 - 1)
_NS_PER_US: Final = 1_000


class History:
    """`replica` must keep versions."""

    def __init__(self, log: EventLog, replica: Replica) -> None:
        self._log = log
        self._replica = replica
        self._key_names: dict[str, str] = {}

    async def list(self, tenant: TenantId | None, request: pb.ListHistoryRequest, *, is_own: bool) -> pb.ListHistoryResponse:
        """The commits of a tenant, or everybody's; `is_own`: told to the tenant itself. Raises Refusal, LogUnavailable."""
        wanted = _wanted(tenant, request)
        wanted_source = canonical_ip(request.source, field="source") if request.source else ""
        size = min(request.page.size or DEFAULT_SIZE, MAX_SIZE)
        before = _before(request.page.token)
        entries: list[pb.HistoryEntry] = []
        looked_at = 0
        while len(entries) < size and looked_at < MAX_LOOKED_AT:
            positions = await self._replica.positions(wanted, before, AT_ONCE)
            if not positions:
                return pb.ListHistoryResponse(entries=entries)
            for stored in await asyncio.gather(*(self._log.at(position) for position in positions)):
                before = stored.position
                if stored.commit.actor.startswith(request.actor):
                    entry = _entry(stored, tenant if is_own else None)
                    entry.key_name = await self._key_name(entry.actor)
                    # By what the reader is shown: an operator's address is none of a customer's business.
                    if not wanted_source or entry.source == wanted_source:
                        entries.append(entry)
                if len(entries) == size:
                    break
            looked_at += len(positions)
        has_more = bool(await self._replica.positions(wanted, before, 1))
        return pb.ListHistoryResponse(entries=entries, next_page_token=token_after(str(before)) if has_more else "")

    async def _key_name(self, actor: str) -> str:
        """Of a tenant's API key, from the commit that made it: who has it may be asked long after it was revoked."""
        found = _KEY.fullmatch(actor)
        if found is None:
            return ""
        if actor not in self._key_names:
            wanted = Wanted(TenantId(found[1]), Kind.API_KEY, found[2])
            positions = await self._replica.positions(wanted, _END, KEY_COMMITS)
            name = ""
            for position in reversed(positions):
                events = (await self._log.at(position)).commit.events
                name = next((event.name for event in events if isinstance(event, ApiKeyCreated)), name)
            self._key_names[actor] = name
            while len(self._key_names) > MAX_KEY_NAMES:
                self._key_names.pop(next(iter(self._key_names)))
        return self._key_names[actor]


def _wanted(tenant: TenantId | None, request: pb.ListHistoryRequest) -> Wanted:
    kinds = [kind.value for kind in Kind if kind is not Kind.CLAIM]
    if request.kind and request.kind not in kinds:
        raise invalid("KIND_UNKNOWN", "kind", f"{request.kind!r} is no kind of thing that changes.", f"Choose of: {', '.join(kinds)}.")
    return Wanted(
        tenant,
        Kind(request.kind) if request.kind else None,
        request.aggregate,
        unix_ns(request.since, "since") // _NS_PER_US,
        unix_ns(request.until, "until") // _NS_PER_US,
    )


def _before(token: str) -> Position:
    if not token:
        return _END
    text = last_shown(token)
    if not text.isdecimal() or len(text) > len(str(_END)):
        raise bad_token()
    return Position(min(int(text), _END))


def _entry(stored: StoredCommit, reader: TenantId | None) -> pb.HistoryEntry:
    commit = shown_commit(stored, reader)
    for event in commit.events:
        if event.WhichOneof("event") == "deck_rows_added":
            event.deck_rows_added.ClearField("rows")
    time = Timestamp()
    time.FromDatetime(stored.commit.time)
    return pb.HistoryEntry(
        position=stored.position,
        time=time,
        actor=commit.actor,
        source=commit.source,
        request_id=commit.request_id,
        kind=commit.kind,
        tenant=commit.tenant,
        aggregate=commit.aggregate,
        version=commit.version,
        changes=[_in_words(event) for event in commit.events],
        events=commit.events,
        person=commit.person,
        trace_id=commit.trace_parent.split("-")[1] if commit.trace_parent.count("-") == 3 else "",
    )


def _in_words(event: commit_pb2.Event) -> str:
    name = event.WhichOneof("event") or ""
    # One line, and whatever stands in it escaped.
    fields = text_format.MessageToString(getattr(event, name), as_one_line=True, as_utf8=True).strip()
    text = f"{name.replace('_', ' ')}: {fields}" if fields else name.replace("_", " ")
    return text if len(text) <= MAX_CHANGE else f"{text[: MAX_CHANGE - 1]}…"
