"""Rows of results, and how they are summed up and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def percentile(values: Sequence[float], share: int) -> float:
    """NaN where there is nothing."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 2)


def ratio(value: float | None, to: float | None) -> float | None:
    return round(value / to, 2) if value is not None and to else None


def table(rows: Sequence[Row]) -> str:
    """As Markdown, with the columns in which any row has something."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    columns = [name for name in columns if any(_text(row.get(name)) for row in rows)]
    cells = [[name.replace("_", " ") for name in columns], *([_text(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _text(value: object) -> str:
    if value is None or value != value:  # NaN is not itself
        return ""
    if isinstance(value, list | tuple):
        return "–".join(_text(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(each)}" for key, each in value.items())
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
