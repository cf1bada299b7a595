"""`trunkline doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from cyclopts import Parameter
from rich.text import Text

from trunkline.cli.connection import session
from trunkline.cli.doctor.examining import Examination
from trunkline.cli.doctor.finding import Finding, Grade
from trunkline.cli.exits import Exit
from trunkline.cli.options import READING, Reading
from trunkline.cli.output import console, print_data

_STYLES: Final = {Grade.OK: "green", Grade.SKIP: "dim", Grade.WARN: "yellow", Grade.FAIL: "red"}


async def doctor(*, problems: Annotated[bool, Parameter(negative="")] = False, options: Reading = READING) -> int:
    """Looks at the whole platform: services, certificates, clocks, points of presence and their replicas, names in DNS, ACLs without
    effect, bans that meet listed addresses, SIP ports. A line each, with what to do. Ends with 1 where something fails, with 0 where it is
    at most a warning.

    Parameters
    ----------
    problems: Leave out what is well.
    """
    async with session(is_operator=options.as_operator) as own, session(is_operator=True) as operators:
        examination = Examination(own, operators, options.tenant)
        looks = [asyncio.ensure_future(examination.look(name)) for name in examination.checks()]
        found: list[Finding] = []
        for look in looks:
            for finding in await look:
                found.append(finding)
                if not options.is_data and not (problems and finding.grade in (Grade.OK, Grade.SKIP)):
                    _show(finding)
    if options.is_data:
        print_data(options.output, [finding._asdict() | {"grade": finding.grade.value} for finding in found])
    else:
        counts = ", ".join(f"{sum(finding.grade is grade for finding in found)} {grade}" for grade in Grade)
        console.print(counts, style="bold", markup=False)
    return Exit.ERROR if any(finding.grade is Grade.FAIL for finding in found) else Exit.OK


def _show(finding: Finding) -> None:
    line = Text(f"{finding.grade:<4}", style=_STYLES[finding.grade])
    line.append(f"  {finding.check:<11} {f'{finding.name}: ' if finding.name else ''}{finding.text}", style="default")
    console.print(line, soft_wrap=True)
    if finding.remedy:
        console.print(f"      what to do: {finding.remedy}", markup=False, soft_wrap=True)
