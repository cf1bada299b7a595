"""`trunkline wait`: until a position of the log is enforced."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from google.protobuf.duration_pb2 import Duration

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import READING, Counter, Reading
from trunkline.cli.output import clock, console, plain, print_data
from trunkline.cli.waiting import names_of

LIMIT_S = 30
"""Of the service."""


async def wait(
    position: Counter,
    at: str = "all",
    *,
    within: Annotated[int, Parameter(validator=Number(gte=1, lte=LIMIT_S))] = 10,
    options: Reading = READING,
) -> None:
    """Waits until points of presence have applied a position of the log, such as a receipt named, and says when each had at the latest.
    Ends with 6 where one did not follow in time.

    Parameters
    ----------
    position: Of the log.
    at: Where: all, region (that of the service), or names of regions and points of presence, such as us,apac1.
    within: Seconds.
    """
    answers = []
    async with session(is_operator=options.as_operator) as connected:
        request = provisioning.WaitAppliedRequest(
            position=position, timeout=Duration(seconds=within), pops=names_of(at, connected.around.home)
        )
        async for answer in (await connected.provisioning()).WaitApplied(request, timeout=within + 5):
            row = plain(answer)
            answers.append(row)
            if options.is_data:
                continue
            if answer.is_applied:
                console.print(
                    f"  enforced at {answer.pop:6} since {clock(row['applied_time'])}; it stands at {answer.position}", markup=False
                )
            else:
                console.print(f"  not at {answer.pop}: {answer.problem}", style="yellow", markup=False)
    if options.is_data:
        print_data(options.output, answers)
    missing = [row for row in answers if not row["is_applied"]]
    if missing:
        raise CommandError(
            f"position {position} is not enforced everywhere",
            why="; ".join(f"{row['pop']}: {row['problem']}" for row in missing),
            remedy="see `trunkline pop list`",
            code=Exit.UNAVAILABLE,
        )
