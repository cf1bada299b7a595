"""`--watch`: a list again whenever it has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from trunkline.cli.output import console

LOOK_S: Final = 2.0
"""Between two questions: the service is asked, and may have others to answer."""


def watch(show: Callable[[], object], *, looks: Callable[[], bool] = lambda: True) -> None:
    """Calls `show` until `looks` says no, and prints what it printed where that is another than before; a terminal is cleared first. What
    `show` raises ends it."""
    before: str | None = None
    while looks():
        with console.capture() as capture:
            show()
        shown = capture.get()
        if shown != before:
            if console.is_terminal:
                console.clear()
            console.file.write(shown)
            console.file.flush()
            before = shown
        time.sleep(LOOK_S)
