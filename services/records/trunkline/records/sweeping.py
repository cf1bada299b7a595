"""Calls whose end nobody has told: their edge died with their row, and neither side ever sent a BYE that another edge could serve.

They would be "live" for ever. When the longest call has passed they are presumed to be over, and their record says so; a fact that comes
later after all (from the journal of an edge that was away for long) counts instead.
"""

from __future__ import annotations

import asyncio
import time

from trunkline.records.projection import Projection
from trunkline.runtime.logs import logger

EVERY_S = 60.0
PORTION = 200
"""Records closed in one transaction, in which no facts are applied."""
SLACK_S = 900
"""Over the longest call: retransmissions of the last BYE, clocks that differ, a journal that waits for its edge's restart."""
SETUP_LIMIT_S = 1800
"""A set-up ends by itself within minutes: eight gateways in 8 s, 20 s after a 100, timer C (181 s) again with each 18x."""

_log = logger("sweeper")


async def sweep(projection: Projection, longest_call_s: int) -> None:
    """For ever. `longest_call_s` is of calls whose decision named no other."""
    closed = 0
    while True:
        # First of all: what is read from the stream after a start mostly tells the ends.
        if closed < PORTION:
            await asyncio.sleep(EVERY_S)
        closed = await projection.presume_over(
            time.time_ns(), longest_call_s=longest_call_s, setup_s=SETUP_LIMIT_S, slack_s=SLACK_S, limit=PORTION
        )
        if closed:
            _log.warning("calls whose end nobody told are presumed to be over", calls=closed)
