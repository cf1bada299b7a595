"""Local accounts, sessions and one-time links, in one SQLite file. It holds no password, no cookie and no API key that could be read."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiosqlite

from trunkline.dashboard.sealing import SALT_BYTES, key_of_secret, name_of, new_secret, seal, unseal

LINK_S: Final = 15 * 60
"""How long a one-time link is good."""
MAX_LINK_S: Final = 7 * 24 * 3600
MAX_SESSIONS: Final = 10_000
"""The one that was longest idle goes first."""

AGENT_LENGTH: Final = 200
"""Of what a browser says that it is: whatever its owner likes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS people (
  name TEXT PRIMARY KEY, salt BLOB NOT NULL, sealed BLOB NOT NULL, role TEXT NOT NULL, tenant TEXT NOT NULL, since_s REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
  id BLOB PRIMARY KEY, sealed BLOB NOT NULL, role TEXT NOT NULL, tenant TEXT NOT NULL, actor TEXT NOT NULL, person TEXT NOT NULL,
  shown TEXT NOT NULL, notice TEXT NOT NULL, since_s REAL NOT NULL, seen_s REAL NOT NULL, source TEXT NOT NULL DEFAULT '',
  agent TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE IF NOT EXISTS links (
  id BLOB PRIMARY KEY, sealed BLOB NOT NULL, role TEXT NOT NULL, tenant TEXT NOT NULL, actor TEXT NOT NULL, until_s REAL NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose an API key is, as provisioning says."""

    role: str
    tenant: str
    actor: str
    key: str = field(repr=False)

    @property
    def is_operator(self) -> bool:
        return self.role == "operator"


@dataclass(frozen=True, slots=True)
class Session:
    """`person` is the local account that was logged in with, empty for a link. `shown` is the tenant whose pages an operator looks at."""

    secret: str = field(repr=False)
    identity: Identity
    person: str
    shown: str
    notice: dict[str, Any]
    since_s: float

    @property
    def tenant(self) -> str:
        """Of the pages: a customer's own, else the one that the operator chose; may be empty."""
        return self.identity.tenant or self.shown


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session as its owner sees it in a list: `id` finds it again and opens nothing. `source` and `agent` are the IP address and the
    User-Agent of the login, empty for those of before they were kept."""

    id: str
    person: str
    since_s: float
    seen_s: float
    source: str
    agent: str


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    salt: bytes
    sealed: bytes
    role: str
    tenant: str


class Store:
    """`idle_s` and `limit_s` end sessions. Times are Unix seconds, given by the caller."""

    def __init__(self, database: aiosqlite.Connection, idle_s: float, limit_s: float) -> None:
        self._database = database
        self._idle_s = idle_s
        self._limit_s = limit_s

    @classmethod
    async def open(cls, path: Path, idle_s: float, limit_s: float) -> Store:
        database = await aiosqlite.connect(path, isolation_level=None)
        path.chmod(0o600)
        await database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
        await _add_columns(database)
        return cls(database, idle_s, limit_s)

    async def close(self) -> None:
        await self._database.close()

    async def add_session(self, identity: Identity, person: str, now_s: float, source: str = "", agent: str = "") -> str:
        """The secret for the cookie."""
        secret = new_secret()
        sealed = seal(key_of_secret(secret), identity.key, "session")
        await self._drop_old(now_s)
        await self._database.execute(
            "INSERT INTO sessions (id, sealed, role, tenant, actor, person, shown, notice, since_s, seen_s, source, agent)"
            " VALUES (?, ?, ?, ?, ?, ?, '', '', ?, ?, ?, ?)",
            (
                name_of(secret),
                sealed,
                identity.role,
                identity.tenant,
                identity.actor,
                person,
                now_s,
                now_s,
                source,
                agent[:AGENT_LENGTH],
            ),
        )
        return secret

    async def session(self, secret: str, now_s: float, *, is_seen: bool = True) -> Session | None:
        """None where there is none, or its time is over. Marks it as seen, unless it was its page that asked and not its owner, and takes
        its notice, which is shown once."""
        query = "SELECT sealed, role, tenant, actor, person, shown, notice, since_s, seen_s FROM sessions WHERE id = ?"
        row = await self._row(query, name_of(secret))
        if row is None:
            return None
        sealed, role, tenant, actor, person, shown, notice, since_s, seen_s = row
        key = unseal(key_of_secret(secret), sealed, "session")
        if key is None or now_s > seen_s + self._idle_s or now_s > since_s + self._limit_s:
            await self.end_session(secret)
            return None
        if is_seen and now_s > seen_s + 1:
            await self._database.execute("UPDATE sessions SET seen_s = ? WHERE id = ?", (now_s, name_of(secret)))
        return Session(secret, Identity(role, tenant, actor, key), person, shown, json.loads(notice or "{}"), since_s)

    async def end_session(self, secret: str) -> None:
        await self._database.execute("DELETE FROM sessions WHERE id = ?", (name_of(secret),))

    async def is_session(self, secret: str, now_s: float) -> bool:
        """Whether nobody has ended it since it was opened, and its owner was seen lately enough; does not mark it as seen."""
        query = "SELECT 1 FROM sessions WHERE id = ? AND seen_s >= ? AND since_s >= ?"
        return await self._row(query, name_of(secret), now_s - self._idle_s, now_s - self._limit_s) is not None

    async def sign_ins(self, session: Session, now_s: float) -> list[SignIn]:
        """Sessions of the same key, by the same account or by none; the last seen first."""
        await self._drop_old(now_s)
        query = (
            "SELECT lower(hex(id)), person, since_s, seen_s, source, agent FROM sessions WHERE actor = ? AND person IN (?, '')"
            " ORDER BY seen_s DESC, since_s DESC"
        )
        async with self._database.execute(query, _whose(session)) as cursor:
            return [SignIn(*row) async for row in cursor]

    async def end_own(self, session: Session, id: str) -> bool:
        """False where it is none of those that `sign_ins` lists."""
        query = "DELETE FROM sessions WHERE actor = ? AND person IN (?, '') AND lower(hex(id)) = ?"
        cursor = await self._database.execute(query, (*_whose(session), id))
        return cursor.rowcount == 1

    async def end_others(self, session: Session) -> int:
        """Ends all that `sign_ins` lists but this one; how many."""
        query = "DELETE FROM sessions WHERE actor = ? AND person IN (?, '') AND id <> ?"
        cursor = await self._database.execute(query, (*_whose(session), name_of(session.secret)))
        return cursor.rowcount

    async def end_all_of(self, actor: str) -> None:
        """Sessions and one-time links of a key that opens nothing any more."""
        await self._database.execute("DELETE FROM sessions WHERE actor = ?", (actor,))
        await self._database.execute("DELETE FROM links WHERE actor = ?", (actor,))

    async def end_sessions_of(self, person: str) -> None:
        await self._database.execute("DELETE FROM sessions WHERE person = ?", (person,))

    async def show_tenant(self, secret: str, tenant: str) -> None:
        await self._database.execute("UPDATE sessions SET shown = ? WHERE id = ?", (tenant, name_of(secret)))

    async def set_notice(self, secret: str, notice: dict[str, Any]) -> None:
        """What the next page says; empty: nothing."""
        await self._database.execute("UPDATE sessions SET notice = ? WHERE id = ?", (json.dumps(notice) if notice else "", name_of(secret)))

    async def set_person_of_session(self, secret: str, person: str) -> None:
        await self._database.execute("UPDATE sessions SET person = ? WHERE id = ?", (person, name_of(secret)))

    async def add_link(self, identity: Identity, now_s: float, good_for_s: float = LINK_S) -> str:
        """The secret for the address."""
        secret = new_secret()
        sealed = seal(key_of_secret(secret), identity.key, "link")
        await self._drop_old(now_s)
        await self._database.execute(
            "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?)",
            (name_of(secret), sealed, identity.role, identity.tenant, identity.actor, now_s + min(good_for_s, MAX_LINK_S)),
        )
        return secret

    async def is_link(self, secret: str, now_s: float) -> bool:
        return await self._row("SELECT 1 FROM links WHERE id = ? AND until_s > ?", name_of(secret), now_s) is not None

    async def take_link(self, secret: str, now_s: float) -> Identity | None:
        """Once only."""
        row = await self._row("DELETE FROM links WHERE id = ? RETURNING sealed, role, tenant, actor, until_s", name_of(secret))
        if row is None or row[4] <= now_s:
            return None
        key = unseal(key_of_secret(secret), row[0], "link")
        return None if key is None else Identity(row[1], row[2], row[3], key)

    async def add_person(self, name: str, identity: Identity, salt: bytes, sealed: bytes, now_s: float) -> bool:
        """False where the name is taken."""
        cursor = await self._database.execute(
            "INSERT OR IGNORE INTO people VALUES (?, ?, ?, ?, ?, ?)", (name, salt, sealed, identity.role, identity.tenant, now_s)
        )
        return cursor.rowcount == 1

    async def set_sealed(self, name: str, salt: bytes, sealed: bytes) -> None:
        await self._database.execute("UPDATE people SET salt = ?, sealed = ? WHERE name = ?", (salt, sealed, name))

    async def delete_person(self, name: str) -> None:
        """With all sessions of the account."""
        await self._database.execute("DELETE FROM people WHERE name = ?", (name,))
        await self.end_sessions_of(name)

    async def person(self, name: str) -> Person | None:
        row = await self._row("SELECT name, salt, sealed, role, tenant FROM people WHERE name = ?", name)
        return None if row is None else Person(*row)

    async def _drop_old(self, now_s: float) -> None:
        await self._database.execute("DELETE FROM links WHERE until_s <= ?", (now_s,))
        await self._database.execute("DELETE FROM sessions WHERE seen_s < ? OR since_s < ?", (now_s - self._idle_s, now_s - self._limit_s))
        await self._database.execute(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions ORDER BY seen_s DESC LIMIT -1 OFFSET ?)", (MAX_SESSIONS - 1,)
        )

    async def _row(self, query: str, *values: Any) -> Any:
        async with self._database.execute(query, values) as cursor:
            return await cursor.fetchone()


def _whose(session: Session) -> tuple[str, str]:
    return session.identity.actor, session.person


async def _add_columns(database: aiosqlite.Connection) -> None:
    """Those that a file of an older release has not."""
    async with database.execute("SELECT name FROM pragma_table_info('sessions')") as cursor:
        there = {row[0] async for row in cursor}
    for column in ("source", "agent"):
        if column not in there:
            await database.execute(f"ALTER TABLE sessions ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")


def new_salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)
