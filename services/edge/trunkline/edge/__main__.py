"""`trunkline-edge --settings FILE`: one SIP edge."""

from __future__ import annotations

import sys


def main() -> None:
    # structlog loads rich, where it is installed, for coloured tracebacks on a terminal: a fifth of a second of every restart for nothing.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]

    from trunkline.edge.settings import EdgeSettings
    from trunkline.edge.start import start
    from trunkline.runtime.service import run_service

    run_service(EdgeSettings, start)


if __name__ == "__main__":
    main()
