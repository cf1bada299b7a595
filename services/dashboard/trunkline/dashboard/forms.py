"""Forms said as data: fields, the command that does the same, and what happens when they are sent."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import grpc.aio
from starlette.responses import Response

from trunkline.api.common.v1 import common_pb2
from trunkline.dashboard.visits import Visit, write_options
from trunkline.runtime.errors import Problem, decode_status


@dataclass(frozen=True, slots=True)
class Field:
    """`options` are (value, text) of a drop-down. `hint` says what is taken."""

    name: str
    label: str
    hint: str = ""
    kind: Literal["text", "select", "check", "number", "password", "area", "hidden", "file"] = "text"
    options: Sequence[tuple[str, str]] = ()
    value: str = ""
    is_required: bool = True
    is_mono: bool = False
    complete: str = "off"


@dataclass(frozen=True, slots=True)
class Form:
    """`command` are the words of the command line: fixed ones, `{field}` for a field's value, and (`--option`, `{field}`) which is left out
    while the field is empty."""

    title: str
    action: str
    fields: Sequence[Field]
    submit: str
    command: Sequence[str | tuple[str, str]] = ()
    text: str = ""
    is_dangerous: bool = False
    back: str = "/"

    @property
    def has_file(self) -> bool:
        return any(each.kind == "file" for each in self.fields)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, and where to go on."""

    said: str
    receipt: common_pb2.Receipt | None
    where: str


Send = Callable[[], Awaitable[Done | Response]]


def show_form(visit: Visit, form: Form, problem: Problem | None = None) -> Response:
    """In a pop-up where htmx asks for it, else as a page."""
    values = (
        {each.name: visit.value(each.name) or each.value for each in form.fields} if problem else {e.name: e.value for e in form.fields}
    )
    template = "form.html" if visit.is_fragment else "form_page.html"
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return visit.show(template, status=status, form=form, values=values, problem=problem, command=command_words(visit, form))


async def answer_form(visit: Visit, form: Form, send: Send) -> Response:
    """GET shows the form; POST sends it and shows it again with what was wrong."""
    if visit.request.method == "GET":
        return show_form(visit, form)
    missing = next((each for each in form.fields if each.is_required and each.kind != "check" and not visit.value(each.name)), None)
    if missing is not None:
        return show_form(visit, form, Problem("INVALID_ARGUMENT", "", f"{missing.label} is missing", field=missing.name))
    try:
        done = await send()
    except grpc.aio.AioRpcError as error:
        problem = decode_status(error)
        if problem.code == "UNAUTHENTICATED":
            raise
        return show_form(visit, form, problem)
    return done if isinstance(done, Response) else await visit.go(done.where, done.said, done.receipt)


async def confirm(
    visit: Visit,
    title: str,
    submit: str,
    command: Sequence[str | tuple[str, str]],
    method: Any,
    request: Any,
    said: str,
    where: str,
    *,
    text: str = "",
    back: str = "",
    fields: Sequence[Field] = (),
    is_dangerous: bool = True,
) -> Response:
    """Asks before one request is sent as it is: `method` of a service gets `request`, `said` and `where` are of what then is done.

    `back` is where somebody goes who does not want it, `where` too unless it is given.
    """
    form = Form(title, visit.request.url.path, fields, submit, command, text, is_dangerous, back or where)

    async def send() -> Done:
        if "write" in request.DESCRIPTOR.fields_by_name:
            request.write.CopyFrom(write_options())
        answer = await method(request)
        return Done(said, answer.receipt if "receipt" in answer.DESCRIPTOR.fields_by_name else None, where)

    return await answer_form(visit, form, send)


def command_words(visit: Visit, form: Form) -> list[list[str]]:
    """For the page's script, which fills fields in as they are typed: groups of words, one that has an empty field is left out."""
    if not form.command:
        return []
    groups = [[word] if isinstance(word, str) else list(word) for word in form.command]
    rest = [["--as-operator"], *([["--tenant", visit.tenant]] if visit.tenant else [])] if visit.is_operator else []
    return [[visit.desk.settings.cli], *groups, *rest]


def quoted(word: str) -> str:
    return shlex.quote(word)
