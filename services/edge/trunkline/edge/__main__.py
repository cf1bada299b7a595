"""`trunkline-edge --settings FILE`: one SIP edge."""

from __future__ import annotations

from trunkline.edge.settings import EdgeSettings
from trunkline.edge.start import start
from trunkline.runtime.service import run_service


def main() -> None:
    run_service(EdgeSettings, start)


if __name__ == "__main__":
    main()
