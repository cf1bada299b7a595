import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trunkline.dashboard import people
from trunkline.dashboard.store import AGENT_LENGTH, LINK_S, Identity, Session, Store

ACME = Identity("tenant", "acme", "tenant:acme/key:k1", "tk_key-of-acme")
NOW_S = 1_000_000.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = await Store.open(tmp_path / "dashboard.sqlite", idle_s=100, limit_s=250)
    yield found
    await found.close()


async def test_a_session_is_its_persons_until_it_ends(store: Store) -> None:
    secret = await store.add_session(ACME, "jane", NOW_S)
    session = await store.session(secret, NOW_S + 1)
    assert session is not None and session.identity == ACME and (session.person, session.tenant) == ("jane", "acme")
    assert await store.session(secret[:-1], NOW_S + 1) is None
    await store.end_session(secret)
    assert await store.session(secret, NOW_S + 1) is None


async def test_a_session_ends_when_it_is_idle_and_at_its_limit(store: Store) -> None:
    secret = await store.add_session(ACME, "", NOW_S)
    for after_s in (90, 180, 240):
        assert await store.session(secret, NOW_S + after_s) is not None
    assert await store.session(secret, NOW_S + 251) is None
    idle = await store.add_session(ACME, "", NOW_S)
    assert await store.session(idle, NOW_S + 101) is None


async def test_a_page_that_asks_by_itself_keeps_no_session_alive(store: Store) -> None:
    secret = await store.add_session(ACME, "", NOW_S)
    for after_s in (30, 60, 90):
        assert await store.session(secret, NOW_S + after_s, is_seen=False) is not None
        assert await store.is_session(secret, NOW_S + after_s)
    assert not await store.is_session(secret, NOW_S + 101), "an open feed ends with it"
    assert await store.session(secret, NOW_S + 101, is_seen=False) is None
    seen = await store.add_session(ACME, "", NOW_S)
    for after_s in (90, 180, 240):
        assert await store.session(seen, NOW_S + after_s) is not None
    assert not await store.is_session(seen, NOW_S + 251), "and at its limit"


async def test_a_link_is_good_once_and_for_its_time(store: Store) -> None:
    link = await store.add_link(ACME, NOW_S)
    assert await store.is_link(link, NOW_S + 1)
    assert await store.take_link(link, NOW_S + 1) == ACME
    assert await store.take_link(link, NOW_S + 1) is None
    late = await store.add_link(ACME, NOW_S)
    assert not await store.is_link(late, NOW_S + LINK_S) and await store.take_link(late, NOW_S + LINK_S) is None


async def test_the_file_holds_no_key_no_cookie_and_no_password(store: Store, tmp_path: Path) -> None:
    secret = await store.add_session(ACME, "", NOW_S)
    link = await store.add_link(ACME, NOW_S)
    session = await store.session(secret, NOW_S)
    assert session is not None and await people.make_account(store, session, "jane", "correct horse battery")
    with sqlite3.connect(tmp_path / "dashboard.sqlite") as database:
        dump = "\n".join(str(row) for table in ("people", "sessions", "links") for row in database.execute(f"SELECT * FROM {table}"))
    assert "jane" in dump
    for hidden in (ACME.key, secret, link, "correct horse battery"):
        assert hidden not in dump


async def test_an_account_opens_its_own_key_by_its_password_only(store: Store) -> None:
    session = await store.session(await store.add_session(ACME, "", NOW_S), NOW_S)
    assert session is not None and await people.make_account(store, session, "jane", "correct horse battery")
    assert not await people.make_account(store, session, "jane", "another password here")
    assert await people.check_password(store, "jane", "correct horse battery") == ACME.key
    assert await people.check_password(store, "jane", "correct horse batter") is None
    assert await people.check_password(store, "nobody", "correct horse battery") is None


async def test_a_new_password_ends_all_sessions_of_the_account(store: Store) -> None:
    one = await store.session(await store.add_session(ACME, "", NOW_S), NOW_S)
    assert one is not None and await people.make_account(store, one, "jane", "correct horse battery")
    other = await store.add_session(ACME, "jane", NOW_S)
    current = await store.session(one.secret, NOW_S)
    assert current is not None
    await people.change_password(store, current, "staple correct horse")
    assert await store.session(one.secret, NOW_S) is None and await store.session(other, NOW_S) is None
    assert await people.check_password(store, "jane", "staple correct horse") == ACME.key


@pytest.mark.parametrize(
    ("name", "password"),
    [("", "correct horse"), ("Jane Doe", "correct horse"), ("jane", "short"), ("jane", "x" * 129), ("jane", "aaaaaaaaaaaa")],
)
def test_names_and_passwords_that_are_no_good_are_told_why(name: str, password: str) -> None:
    assert people.what_is_wrong(name, password)
    assert not people.what_is_wrong("jane", "correct horse")


async def opened(store: Store, secret: str) -> Session:
    session = await store.session(secret, NOW_S)
    assert session is not None
    return session


async def test_ones_own_sessions_are_listed_and_ended_and_nobody_elses(store: Store) -> None:
    """Of the same key, by the same account or by none: other accounts of the key and other keys are others'."""
    jane = await opened(store, await store.add_session(ACME, "jane", NOW_S, "192.0.2.1", "Firefox/1"))
    phone = await store.add_session(ACME, "jane", NOW_S - 2, "2001:db8::1", "x" * 500)
    by_link = await store.add_session(ACME, "", NOW_S - 1)
    others = [
        await store.add_session(ACME, "joe", NOW_S),
        await store.add_session(Identity("tenant", "acme", "tenant:acme/key:k2", "tk_2"), "", NOW_S),
        await store.add_session(Identity("tenant", "other", "tenant:other/key:k1", "tk_3"), "jane", NOW_S),
    ]
    listed = await store.sign_ins(jane, NOW_S)
    assert [(each.person, each.source, each.since_s) for each in listed] == [
        ("jane", "192.0.2.1", NOW_S), ("", "", NOW_S - 1), ("jane", "2001:db8::1", NOW_S - 2),
    ]  # fmt: skip
    assert listed[0].agent == "Firefox/1" and len(listed[2].agent) == AGENT_LENGTH
    for secret in others:
        (mine, *_) = await store.sign_ins(await opened(store, secret), NOW_S)
        assert not await store.end_own(jane, mine.id) and await store.is_session(secret, NOW_S)
    assert await store.end_own(jane, listed[2].id) and not await store.is_session(phone, NOW_S)
    assert await store.end_others(jane) == 1 and not await store.is_session(by_link, NOW_S)
    assert [await store.is_session(secret, NOW_S) for secret in (jane.secret, *others)] == [True] * 4


async def test_a_key_that_is_gone_takes_its_sessions_and_links_with_it(store: Store) -> None:
    sessions = [await store.add_session(ACME, person, NOW_S) for person in ("", "jane")]
    link = await store.add_link(ACME, NOW_S)
    other = await store.add_session(Identity("tenant", "acme", "tenant:acme/key:k2", "tk_2"), "", NOW_S)
    await store.end_all_of(ACME.actor)
    assert not any([await store.is_session(secret, NOW_S) for secret in sessions]) and not await store.is_link(link, NOW_S)
    assert await store.is_session(other, NOW_S)


async def test_an_account_that_is_deleted_takes_its_sessions_with_it(store: Store) -> None:
    session = await opened(store, await store.add_session(ACME, "", NOW_S))
    assert await people.make_account(store, session, "jane", "correct horse battery")
    await store.delete_person("jane")
    assert not await store.is_session(session.secret, NOW_S)
    assert await people.check_password(store, "jane", "correct horse battery") is None


async def test_a_file_of_before_sources_were_kept_is_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.sqlite") as database:
        database.execute(
            "CREATE TABLE sessions (id BLOB PRIMARY KEY, sealed BLOB NOT NULL, role TEXT NOT NULL, tenant TEXT NOT NULL,"
            " actor TEXT NOT NULL, person TEXT NOT NULL, shown TEXT NOT NULL, notice TEXT NOT NULL, since_s REAL NOT NULL,"
            " seen_s REAL NOT NULL) STRICT"
        )
    for _ in range(2):
        store = await Store.open(tmp_path / "old.sqlite", idle_s=100, limit_s=250)
        session = await opened(store, await store.add_session(ACME, "", NOW_S, "192.0.2.1"))
        assert (await store.sign_ins(session, NOW_S))[0].source == "192.0.2.1"
        await store.close()
