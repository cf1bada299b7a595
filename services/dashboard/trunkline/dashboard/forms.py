"""Forms said as data: fields, the command that does the same, and what happens when they are sent."""

from __future__ import annotations

import re
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

import grpc.aio
from starlette.responses import Response

from trunkline.api.common.v1 import common_pb2
from trunkline.dashboard.visits import Visit, Wrong, write_options
from trunkline.runtime.errors import Problem, told_to_customers

MOST: Final = 2**32 - 1
"""Of a whole number, where a field says no other bound: it goes into a uint32."""


@dataclass(frozen=True, slots=True)
class Field:
    """`options` are (value, text) of a drop-down. `hint` says what is taken. `stands_for` are fields of the request that it fills: what is
    wrong with one of them is said at this field, as is what is wrong with one of its own name."""

    name: str
    label: str
    hint: str = ""
    kind: Literal["text", "select", "check", "number", "password", "area", "hidden", "file"] = "text"
    options: Sequence[tuple[str, str]] = ()
    value: str = ""
    is_required: bool = True
    is_mono: bool = False
    complete: str = "off"
    stands_for: Sequence[str] = ()
    most: int | None = None

    def has(self, problem: Problem | None) -> bool:
        """Whether this is where the problem is."""
        return problem is not None and bool(problem.field) and problem.field in (self.name, *self.stands_for)


Command = Sequence[str | tuple[str, ...]]

ENDING: Final = Field("ending", "End calls in progress too", kind="check")
"""Of a suspension."""


@dataclass(frozen=True, slots=True)
class Form:
    """`command` are the words of the command line: fixed ones, `{field}` for a field's value, and groups such as (`--option`, `{field}`)
    which are left out while the field is empty. `{field*}` is the words of a value; `{field?}` is nothing and leaves its group out where
    the field is empty or not ticked, `{field!}` where it is not. `tenant` is whose the form is, if not whose pages are looked at."""

    title: str
    action: str
    fields: Sequence[Field]
    submit: str
    command: Command = ()
    text: str = ""
    is_dangerous: bool = False
    back: str = "/"
    tenant: str = ""

    def has(self, problem: Problem | None) -> bool:
        """Whether a field that is seen says what is wrong; else it stands above them all."""
        return any(each.has(problem) and each.kind != "hidden" for each in self.fields)

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
    values = {each.name: visit.value(each.name) if problem else each.value for each in form.fields}
    command = command_words(visit, form)
    template = "form.html" if visit.is_fragment else "form_page.html"
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return visit.show(template, status=status, form=form, values=values, problem=problem, command=command, line=line_of(command, values))


async def answer_form(visit: Visit, form: Form, send: Send) -> Response:
    """GET shows the form; POST sends it and shows it again with what was wrong."""
    if visit.request.method == "GET":
        return show_form(visit, form)
    missing = next((each for each in form.fields if each.is_required and each.kind != "check" and not visit.value(each.name)), None)
    if missing is not None:
        return show_form(visit, form, Problem("INVALID_ARGUMENT", "", f"{missing.label} is missing", field=missing.name))
    try:
        done = await send()
    except Wrong as error:
        return show_form(visit, form, error.problem)
    except grpc.aio.AioRpcError as error:
        problem = told_to_customers(error)
        if problem.code == "UNAUTHENTICATED":
            raise
        return show_form(visit, form, problem)
    return done if isinstance(done, Response) else await visit.go(done.where, done.said, done.receipt)


async def confirm(
    visit: Visit,
    title: str,
    submit: str,
    command: Command,
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
    if not visit.is_operator:
        return [[visit.desk.settings.cli], *groups]
    tenant = form.tenant or visit.tenant
    return [[visit.desk.settings.cli], *groups, ["--as-operator"], *([["--tenant", tenant]] if tenant else [])]


def line_of(groups: Sequence[Sequence[str]], values: Mapping[str, str]) -> str:
    """The command line with these values, as the page's script (`commandOf` in app.js) writes it too."""
    found: list[str] = []
    for group in groups:
        words = [_word(word, values, is_alone=len(group) == 1) for word in group]
        if None not in words:
            found += [word for word in words if word]
    return " ".join(found)


def _word(word: str, values: Mapping[str, str], *, is_alone: bool) -> str | None:
    """Empty where it is nothing; None where its group is left out."""
    place = _PLACE.fullmatch(word)
    if place is None:
        return word
    before, name, kind, after = place.groups()
    if name not in values:
        return name.upper()
    value = values[name].strip()
    if kind in ("?", "!"):
        return "" if bool(value) == (kind == "?") else None
    if not value:
        return name.upper() if is_alone else None
    return " ".join(shlex.quote(each) for each in _split(value)) if kind == "*" else shlex.quote(before + value + after)


_PLACE: Final = re.compile(r"(.*)\{(\w+)([?*!]?)\}(.*)")


def _split(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", text) if word]


def words_of(visit: Visit, name: str) -> list[str]:
    """What a field of several words has, with commas, blanks or both between them."""
    return _split(visit.value(name))


def whole(visit: Visit, field: Field) -> int:
    """The field's whole number, 0 where it is empty. Raises Wrong."""
    text, most = visit.value(field.name), MOST if field.most is None else field.most
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > len(str(most)) or int(text) > most:
        raise Wrong(field.name, f"{text[:16]!r} is not a whole number from 0 to {most}")
    return int(text)


def quoted(word: str) -> str:
    return shlex.quote(word)
