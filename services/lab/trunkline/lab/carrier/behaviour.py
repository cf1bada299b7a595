"""What a simulated carrier does with a call, by the last three digits of the number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

RING_S = 0.05
"""Before the answer: long enough that 180 and 200 are two messages at the caller, short enough for load."""
EARLY_MEDIA_S = 0.3


class Kind(Enum):
    REFUSE = "refuse"
    SILENT = "silent"
    RING = "ring"
    """For ever: until CANCEL."""
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`status` of a refusal, or of the provisional response before an answer; `hangs_up_after_s` is None where the caller hangs up."""

    kind: Kind
    status: int = 180
    reason: str = "Ringing"
    answers_after_s: float = RING_S
    hangs_up_after_s: int | None = None


def behaviour_of(number: str, *, is_first: bool) -> Behaviour:
    """`number` is the user part of the Request-URI. `is_first`: the carrier that answers 503 where one does."""
    match number[-3:]:
        case "486":
            return Behaviour(Kind.REFUSE, 486, "Busy Here")
        case "404":
            return Behaviour(Kind.REFUSE, 404, "Not Found")
        case "503" if is_first:
            return Behaviour(Kind.REFUSE, 503, "Service Unavailable")
        case "000":
            return Behaviour(Kind.SILENT)
        case "180":
            return Behaviour(Kind.RING)
        case "183":
            return Behaviour(Kind.ANSWER, 183, "Session Progress", answers_after_s=EARLY_MEDIA_S)
        case last if len(last) == 3 and last[0] == "9" and last.isdigit():
            return Behaviour(Kind.ANSWER, hangs_up_after_s=int(last[1:]))
        case _:
            return Behaviour(Kind.ANSWER)
