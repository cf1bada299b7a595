"""Which commits of the log somebody asks about, as the file of a replica finds them: by owner, aggregate and time, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.domain.events import Kind, Position, TenantId


@dataclass(frozen=True, slots=True)
class Wanted:
    """None and empty: any. `since_us` and `until_us` are microseconds since 1970 UTC, up to and without the latter; 0: no bound."""

    tenant: TenantId | None = None
    kind: Kind | None = None
    aggregate: str = ""
    since_us: int = 0
    until_us: int = 0

    def query(self, before: Position, limit: int) -> tuple[str, tuple[object, ...]]:
        """Positions before `before`, at most `limit`, from the table `requests`."""
        bounds: list[tuple[str, object]] = [("position < ?", before)]
        if self.tenant is not None:
            bounds.append(("tenant = ?", self.tenant))
        if self.kind is not None:
            bounds.append(("kind = ?", self.kind.value))
        if self.aggregate:
            bounds.append(("aggregate = ?", self.aggregate))
        if self.since_us:
            bounds.append(("time_us >= ?", self.since_us))
        if self.until_us:
            bounds.append(("time_us < ?", self.until_us))
        conditions = " AND ".join(condition for condition, _ in bounds)
        query = f"SELECT position FROM requests WHERE {conditions} ORDER BY position DESC LIMIT ?"  # noqa: S608 - of the texts above
        return query, (*(value for _, value in bounds), limit)

    def has(self, tenant: str, kind: Kind, aggregate: str, time_us: int) -> bool:
        """The same of a commit that is not on disk yet."""
        return (
            self.tenant in (None, tenant)
            and self.kind in (None, kind)
            and self.aggregate in ("", aggregate)
            and time_us >= self.since_us
            and (not self.until_us or time_us < self.until_us)
        )
