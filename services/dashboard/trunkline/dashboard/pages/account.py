"""A person's own account and sign-ins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response

from trunkline.dashboard import people
from trunkline.dashboard.forms import Done, Field, Form, answer_form
from trunkline.dashboard.sealing import name_of
from trunkline.dashboard.store import SignIn
from trunkline.dashboard.visits import Visit, Wrong
from trunkline.dashboard.web import user_agent


async def account(visit: Visit) -> Response:
    """Who came by a link makes an account, who has one changes its password. Raises AioRpcError where the key is revoked: a cookie of it
    is good for nothing here either."""
    session = visit.session
    await visit.desk.services.identify(session.identity.key)
    if visit.request.method == "GET":
        return await _shown(visit, "")
    password = str(visit.form.get("password", ""))
    name = session.person or visit.value("name").lower()
    problem = people.what_is_wrong(name, password)
    store = visit.desk.store
    if not problem and session.person:
        problem = await _wrong_password(visit)
        if not problem:
            await people.change_password(store, session, password)
            return await visit.go("/login")
    elif not problem:
        if await people.make_account(store, session, name, password):
            return await visit.go("/account", f"Account {name} is made: log in with it from now on.")
        problem = "this name is taken"
    return await _shown(visit, problem)


async def _wrong_password(visit: Visit) -> str:
    """What is wrong with the current password that was sent; empty for the right one. Whoever found a session open may guess no more often
    than at the login."""
    name, desk = visit.session.person, visit.desk
    if waits_s := desk.by_name.take(name, time.time()):
        return f"too many tries: wait {waits_s:.0f} s and try again"
    if await people.check_password(desk.store, name, str(visit.form.get("current", ""))) is None:
        return "the current password is another"
    desk.by_name.forget(name)
    return ""


async def _shown(visit: Visit, problem: str) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    own = name_of(visit.session.secret).hex()
    listed = [_row(each, own) for each in await visit.desk.store.sign_ins(visit.session, time.time())]
    return visit.show("account.html", status=status, problem=problem, name=visit.session.person, sign_ins=listed)


@dataclass(frozen=True, slots=True)
class Row:
    """Of the list of sign-ins."""

    id: str
    is_this: bool
    person: str
    browser: str
    source: str
    since: Timestamp
    seen: Timestamp


def _row(found: SignIn, own: str) -> Row:
    since, seen = Timestamp(seconds=int(found.since_s)), Timestamp(seconds=int(found.seen_s))
    return Row(found.id, found.id == own, found.person, user_agent(found.agent), found.source, since, seen)


async def end_one(visit: Visit) -> Response:
    """The button of a row."""
    is_this = visit.path("session") == name_of(visit.session.secret).hex()
    if is_this or not await visit.desk.store.end_own(visit.session, visit.path("session")):
        raise Wrong("", "This session has ended already." if not is_this else "End this one by logging out.", "NOT_FOUND")
    return await visit.go("/account", "That session is ended.")


async def end_others(visit: Visit) -> Response:
    ended = await visit.desk.store.end_others(visit.session)
    return await visit.go("/account", f"{ended} other session{'' if ended == 1 else 's'} ended.")


async def delete(visit: Visit) -> Response:
    """Takes the account and all its sessions away; the API key that it opened goes on for who has it elsewhere."""
    name = visit.session.person
    if not name:
        raise Wrong("", "This session has no account.", "NOT_FOUND")
    form = Form(
        title=f"Delete account {name}?",
        action="/account/delete",
        fields=[Field("current", "Current password", kind="password", complete="current-password")],
        submit="Delete account",
        text="All its sessions end now, this one too. Its API key is not revoked by that: see API keys.",
        is_dangerous=True,
        back="/account",
    )

    async def send() -> Done:
        if problem := await _wrong_password(visit):
            raise Wrong("current", problem)
        await visit.desk.store.delete_person(name)
        return Done("", None, "/login")

    return await answer_form(visit, form, send)
