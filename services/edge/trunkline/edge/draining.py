"""An edge whose point of presence is being emptied (`trunkline pop drain`).

OPTIONS is answered 503, so that dispatchers look elsewhere. New calls are taken until every client has had time to look the name up again,
then refused with T903. Requests within dialogs are always served.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from trunkline.domain.views import Drain
from trunkline.edge.policy import Policy
from trunkline.runtime.logs import logger


class Options(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def set_draining(self, is_draining: bool) -> None: ...


class Draining:
    """`look` whenever the log may have changed, and about once a second. `grace_s`: how long new calls are taken after the command."""

    def __init__(self, pop: str, *, grace_s: float, policy: Policy, drain: Callable[[str], Drain | None]) -> None:
        self._pop = pop
        self._grace_s = grace_s
        self._policy = policy
        self._drain = drain
        self._told: tuple[bool, bool] | None = None

    @property
    def is_on(self) -> bool:
        return self._told is not None and self._told[0]

    def look(self, engine: Options, now_s: float) -> None:
        """`now_s` is Unix time; by a clock that is behind the command's, new calls are taken a little longer."""
        drain = self._drain(self._pop)
        is_draining = drain is not None
        is_over = drain is not None and now_s >= drain.since_s + self._grace_s
        if (is_draining, is_over) == self._told or (self._told is None and not is_draining):
            return
        engine.set_draining(is_draining)
        self._policy.is_refusing = is_over
        self._told = is_draining, is_over
        logger("edge").info("draining", is_draining=is_draining, is_refusing=is_over, note=drain.note if drain is not None else "")
