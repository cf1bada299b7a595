"""What `make bench` can be told."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """`folder` is scratch space and where the results go."""

    folder: Path
    only: tuple[str, ...]
    jobs: tuple[str, ...]
    rates: tuple[int, ...]
    transports: tuple[str, ...]
    workers: tuple[int, ...]
    curve: tuple[int, ...]
    rounds: int
    seconds: int
    warm_up: int
    minutes: float
    soak_rate: int
    held: int
    writes: int
    records: int


def parse(folder: Path, benches: Mapping[str, str], default: str) -> Options:
    parser = argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter, epilog="\n".join(f"  {name:12} {what}" for name, what in benches.items())
    )
    parser.add_argument("--only", default=default, help="which benches, see below (default: %(default)s)")
    parser.add_argument("--jobs", default="ip,digest", help="of calls, streams and curve: ip, digest")
    parser.add_argument("--rates", default="500,2000", help="calls a second of calls and streams")
    parser.add_argument("--transports", default="tcp,tls", help="of streams")
    parser.add_argument("--workers", default="1,2", help="of curve; Kamailio has as many children")
    parser.add_argument("--curve", default="500,2000,5000", help="calls a second of curve, before it looks for the highest")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each server")
    parser.add_argument("--seconds", type=int, default=10, help="of a run")
    parser.add_argument(
        "--warm-up", type=int, default=34, help="seconds of the same load before each run: a call that is over is kept for 32 (RFC 6026)"
    )
    parser.add_argument("--minutes", type=float, default=10, help="of the soak")
    parser.add_argument("--soak-rate", type=int, default=500, help="calls a second of the soak")
    parser.add_argument("--held", type=int, default=20_000, help="calls in progress at any time of the soak")
    parser.add_argument("--writes", type=int, default=300, help="of propagation, at 10 a second; ten times as many at 500")
    parser.add_argument("--records", type=int, default=1_000_000, help="of records and dashboard")
    told = parser.parse_args()
    only = _words(told.only)
    if unknown := set(only) - set(benches):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(benches)}")
    return Options(
        folder=folder,
        only=only,
        jobs=_words(told.jobs),
        rates=_numbers(told.rates),
        transports=_words(told.transports),
        workers=_numbers(told.workers),
        curve=_numbers(told.curve),
        rounds=told.rounds,
        seconds=told.seconds,
        warm_up=told.warm_up,
        minutes=told.minutes,
        soak_rate=told.soak_rate,
        held=told.held,
        writes=told.writes,
        records=told.records,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in _words(text))
