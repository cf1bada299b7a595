"""Points of presence: from commands to events. Which there are stands in the settings, not in the log."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.domain import names
from trunkline.domain.commands import DrainPop, UndrainPop
from trunkline.domain.decision import Decision, whole_tenant
from trunkline.domain.directory import Directory
from trunkline.domain.errors import failed_precondition, not_found
from trunkline.domain.events import PLATFORM, Kind, PopDrained, PopName, PopUndrained


def drain_pop(directory: Directory, command: DrainPop) -> Decision:
    pop = _existing(command.pop, command.pops)
    note = names.free_text(command.note, "note", names.MAX_DESCRIPTION)
    drain = directory.drain(pop)
    if drain is not None and drain.note == note:
        return Decision(Kind.POP, PLATFORM, pop, ())
    if drain is None:
        _demand_another(directory, pop, command)
    since_s = command.now_s if drain is None else drain.since_s
    # Two operators who each drain one of the last two must not both succeed.
    return Decision(Kind.POP, PLATFORM, pop, (PopDrained(since_s, note),), guards=(whole_tenant(PLATFORM),))


def undrain_pop(directory: Directory, command: UndrainPop) -> Decision:
    pop = _existing(command.pop, command.pops)
    return Decision(Kind.POP, PLATFORM, pop, () if directory.drain(pop) is None else (PopUndrained(),))


def _demand_another(directory: Directory, pop: PopName, command: DrainPop) -> None:
    """One that takes calls besides `pop`."""
    others = [other for other in command.pops if other != pop and directory.drain(other) is None]
    if not others:
        raise failed_precondition(
            "LAST_POP",
            f'"{pop}" is the last point of presence that is not being drained.',
            "Undrain another first: with none left, calls would be refused everywhere.",
        )
    if all(other in command.dead for other in others):
        raise failed_precondition(
            "LAST_POP",
            f'"{pop}" is the last point of presence that lives: {", ".join(others)}, not being drained, '
            f"{'are' if len(others) > 1 else 'is'} down.",
            "Bring one of them back, or undrain another, and wait until `trunkline pop list` shows it as ready: with none left, calls "
            "would be refused everywhere.",
        )


def _existing(text: str, pops: Sequence[str]) -> PopName:
    if text not in pops:
        raise not_found("POP_NOT_FOUND", "pop", f"There is no point of presence {text[:32]!r}.", f"There are: {', '.join(pops)}.")
    return PopName(text)
