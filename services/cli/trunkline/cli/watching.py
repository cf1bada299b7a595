"""`--watch`: a list again whenever it has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from trunkline.cli.output import console, errors

LOOK_S: Final = 2.0
"""Between two questions: the service is asked, and may have others to answer."""


def watch(show: Callable[[], object], *, looks: Callable[[], bool] = lambda: True) -> None:
    """Calls `show` until `looks` says no, and prints what it printed where that is another than before; a terminal is cleared first. What
    `show` raises ends it."""
    before: tuple[str, str] | None = None
    while looks():
        with console.capture() as capture, errors.capture() as remarks:
            show()
        shown, remarked = capture.get(), remarks.get()
        if (shown, remarked) != before:
            if console.is_terminal:
                console.clear()
            for to, text in ((console, shown), (errors, remarked)):
                to.file.write(text)
                to.file.flush()
            before = shown, remarked
        time.sleep(LOOK_S)
