"""Logging in: local accounts, API keys, one-time links. Nothing here lasts longer than a person's own key opens."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Final

from trunkline.dashboard.sealing import key_of_password, seal, unseal
from trunkline.dashboard.store import Identity, Session, Store, new_salt

NAME: Final = re.compile(r"[0-9a-z][0-9a-z._@+-]{0,63}")
MIN_PASSWORD, MAX_PASSWORD = 10, 128

_STRETCHING: Final = asyncio.Semaphore(2)
"""Each takes 64 MiB."""


async def _stretch(password: str, salt: bytes) -> bytes:
    async with _STRETCHING:
        return await asyncio.to_thread(key_of_password, password, salt)


async def check_password(store: Store, name: str, password: str) -> str | None:
    """The person's API key; None for an unknown name and for a wrong password, which take the same time."""
    person = await store.person(name)
    if len(password) > MAX_PASSWORD:
        return None
    key = await _stretch(password, person.salt if person is not None else bytes(16))
    return None if person is None else unseal(key, person.sealed, f"person {name}")


def what_is_wrong(name: str, password: str) -> str:
    """Empty where an account may be made of them."""
    if not NAME.fullmatch(name):
        return "a name is 1 to 64 of 0-9 a-z and . _ @ + -, beginning with a letter or digit"
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters"
    if password.lower() in (name, name * 2) or len(set(password)) < 4:
        return "this password is too easy to guess: take a longer one, or let the browser make one up"
    return ""


async def make_account(store: Store, session: Session, name: str, password: str) -> bool:
    """An account that opens the session's API key. False where the name is taken."""
    salt = new_salt()
    sealed = seal(await _stretch(password, salt), session.identity.key, f"person {name}")
    if not await store.add_person(name, session.identity, salt, sealed, time.time()):
        return False
    await store.set_person_of_session(session.secret, name)
    return True


async def change_password(store: Store, session: Session, password: str) -> None:
    """Ends all sessions of the account, this one too."""
    salt = new_salt()
    await store.set_sealed(session.person, salt, seal(await _stretch(password, salt), session.identity.key, f"person {session.person}"))
    await store.end_sessions_of(session.person)


async def begin(store: Store, identity: Identity, person: str, source: str, agent: str) -> str:
    """A new session's secret; never one that was there before the login."""
    return await store.add_session(identity, person, time.time(), source, agent)
