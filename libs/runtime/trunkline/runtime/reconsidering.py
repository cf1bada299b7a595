"""Changes that nobody has made, in words, and what they would do to calls that happened: what the command and the dashboard both say of
provisioning's ExplainCalls."""

from __future__ import annotations

from typing import Final

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.reasons import REGISTRY

CHANGES: Final = {
    "add-address": "ACL ADDRESS [CALLER-ID]",
    "remove-address": "ACL ADDRESS",
    "add-account": "ACL USERNAME [CALLER-ID]",
    "remove-account": "ACL USERNAME",
    "attach": "ACL",
    "detach": "ACL",
    "allow-prefix": "DIGITS",
    "allow-country": "COUNTRY",
    "allow-premium": "",
}
"""What may be assumed of a domain, and what follows each."""
MAX_CHANGES: Final = 16
"""Of one question."""
WORDS: Final = {"admit": "admitted", "refuse": "refused", "challenge": "asked for a password"}


def change_of(text: str) -> pb.ExplainChange:
    """Raises ValueError, whose text says what may be written."""
    word, *values = text.split() or [""]
    shape = CHANGES.get(word)
    least = 0 if shape is None else sum(not part.startswith("[") for part in shape.split())
    if shape is None or not least <= len(values) <= len(shape.split()):
        known = "; ".join(f"{name} {shape}".strip() for name, shape in CHANGES.items())
        raise ValueError(f"write one of: {known}")
    match word:
        case "attach" | "detach":
            return pb.ExplainChange(**{f"{word}_acl": values[0]})  # type: ignore[arg-type]
        case "allow-premium":
            return pb.ExplainChange(allow_premium=True)
        case "allow-prefix" | "allow-country":
            return pb.ExplainChange(**{word.replace("-", "_"): values[0]})  # type: ignore[arg-type]
        case _:
            entry = pb.ExplainedEntry(acl=values[0], entry=values[1], caller_id=values[2] if len(values) > 2 else "")
            return pb.ExplainChange(**{word.replace("-", "_"): entry})  # type: ignore[arg-type]


def headline(answer: pb.ExplainCallsResponse) -> str:
    """`17 of 240 calls would now be refused, 2 admitted`: of those that can be decided again."""
    decided = answer.calls - answer.left_out
    sums: dict[str, int] = {}
    for group in answer.groups:
        words = _words(group.new_outcome) if group.old_outcome != group.new_outcome else "refused for another reason"
        sums[words] = sums.get(words, 0) + group.calls
    if not sums:
        return f"none of {decided} calls would now be decided otherwise"
    (first, count), *others = sums.items()
    return ", ".join([f"{count} of {decided} calls would now be {first}", *(f"{count} {words}" for words, count in others)])


def outcome_text(outcome: str, reason: str) -> str:
    """`refused (T203 Source not allowed)`."""
    text = next((row.text for row in REGISTRY if row.code == reason), "")
    return f"{_words(outcome)}{f' ({reason} {text})'.rstrip() if reason else ''}"


def _words(outcome: str) -> str:
    """A later version may know others."""
    return WORDS.get(outcome, outcome)
