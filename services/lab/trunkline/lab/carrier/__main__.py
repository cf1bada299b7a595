"""`trunkline-carrier --settings FILE`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from trunkline.lab.carrier.server import serve
from trunkline.lab.carrier.settings import CarrierSettings
from trunkline.runtime.settings import SettingsError, load_settings


async def _run(settings: CarrierSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def main() -> None:
    parser = argparse.ArgumentParser(prog="trunkline-carrier", description="A simulated carrier.")
    parser.add_argument("--settings", type=Path, required=True, help="TOML file")
    arguments = parser.parse_args()
    try:
        settings = load_settings(CarrierSettings, arguments.settings)
        uvloop.run(_run(settings))
    except (SettingsError, OSError) as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(2) from problem


if __name__ == "__main__":
    main()
