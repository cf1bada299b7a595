"""YAML with places: what is wrong in a file is named by its line. Values are taken as written, so that a number keeps its zeros."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 16 << 20
MAX_DEPTH = 16
"""Ours has four; an alias that holds itself has no end."""
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


class DocumentProblem(Exception):
    """`FILE:LINE: what is wrong`."""


class Entry:
    """A value of the document, and where it stands."""

    def __init__(self, file: str, node: Node, path: str) -> None:
        self._file = file
        self._node = node
        self.path = path

    def problem(self, what: str) -> DocumentProblem:
        return DocumentProblem(f"{self._file}:{self._node.start_mark.line + 1}: {what}")

    @property
    def is_empty(self) -> bool:
        """Nothing is written behind the name."""
        return isinstance(self._node, ScalarNode) and self._node.tag == "tag:yaml.org,2002:null"

    def fields(self, allowed: Iterable[str] | None) -> Mapping[str, Entry]:
        """By name; None allows any. Raises DocumentProblem for a name that is not allowed or comes twice."""
        if self.is_empty:
            return {}
        if not isinstance(self._node, MappingNode):
            raise self.problem(f"{self.path or 'the document'} has names with values")
        known = None if allowed is None else tuple(allowed)
        found: dict[str, Entry] = {}
        for key, value in self._node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            entry = Entry(self._file, value, f"{self.path}.{name}".lstrip("."))
            here = Entry(self._file, key, entry.path)
            if known is not None and name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"; {near[0]!r} is one" if near else f"; known are {', '.join(known)}"
                raise here.problem(f"{self.path or 'the document'} has no field {name!r}{hint}")
            if name in found:
                raise here.problem(f"{entry.path} stands there twice")
            found[name] = entry
        return found

    def items(self) -> tuple[Entry, ...]:
        if self.is_empty:
            return ()
        if not isinstance(self._node, SequenceNode):
            raise self.problem(f"{self.path} is a list")
        return tuple(Entry(self._file, node, f"{self.path}[{place}]") for place, node in enumerate(self._node.value))

    def text(self) -> str:
        """As it is written, in quotes or not."""
        if self.is_empty:
            return ""
        if not isinstance(self._node, ScalarNode):
            raise self.problem(f"{self.path} is one value")
        return str(self._node.value)

    def flag(self) -> bool:
        text = self.text().lower()
        if text not in _TRUE | _FALSE:
            raise self.problem(f"{self.path} is true or false, not {text[:40]!r}")
        return text in _TRUE

    def number(self) -> int:
        text = self.text()
        if not (text.isascii() and text.isdigit() and len(text) <= 10):
            raise self.problem(f"{self.path} is a whole number, not {text[:40]!r}")
        return int(text)

    def amount(self) -> Decimal:
        try:
            found = Decimal(self.text())
        except InvalidOperation:
            raise self.problem(f"{self.path} is an amount, not {self.text()[:40]!r}") from None
        if not found.is_finite() or found < 0:
            raise self.problem(f"{self.path} is an amount of 0 or more, not {self.text()[:40]!r}")
        return found


def read_document(text: str, file: str) -> Entry:
    """`file` is named in problems. Raises DocumentProblem."""
    if len(text) > MAX_BYTES:
        raise DocumentProblem(f"{file}: {len(text)} characters; at most {MAX_BYTES} are read")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise DocumentProblem(f"{file}:{line}: {error.problem or 'this is no YAML'}") from error
    except yaml.YAMLError as error:
        raise DocumentProblem(f"{file}: {error}") from error
    if node is None:
        raise DocumentProblem(f"{file}: the file is empty")
    _check_depth(node, file, 0)
    return Entry(file, node, "")


def _check_depth(node: Node, file: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise DocumentProblem(f"{file}:{node.start_mark.line + 1}: more than {MAX_DEPTH} levels")
    if isinstance(node, MappingNode):
        children = [child for pair in node.value for child in pair]
    else:
        children = list(node.value) if isinstance(node, SequenceNode) else []
    for child in children:
        _check_depth(child, file, depth + 1)
