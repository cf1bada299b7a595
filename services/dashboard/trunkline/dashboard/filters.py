"""Which calls a page shows: a filter in the page's address, as a request to records and as words of the command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.forms import quoted
from trunkline.dashboard.times import moment_of, written
from trunkline.dashboard.visits import Visit

OUTCOMES: Final = ("answered", "refused", "failed", "cancelled", "live", "ringing", "trying")
SINCE: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(days=1)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
}
FILTERS: Final = ("outcome", "since", "from", "to", "domain", "number", "caller_id", "account", "pop", "carrier", "reason")
BEGUN: Final = "begun"
"""When the span of `since` began, in the address of further pages; no field, so that a filter that is sent again begins anew."""
_EQUAL: Final = ("tenant", "outcome", "domain", "reason", "number", "number_prefix", "pop", "carrier", "caller_id", "account")
_OPTIONS: Final = (
    ("outcome", "outcome"), ("domain", "domain"), ("caller_id", "caller"), ("account", "account"), ("pop", "pop"), ("carrier", "carrier"),
    ("reason", "reason"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chosen:
    """`values` are as somebody wrote them, by the names of the page's fields; `since` and `until` (exclusive) are None for any time."""

    values: Mapping[str, str]
    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, visit: Visit, now: datetime) -> Chosen:
        """From the address. A beginning or an end takes the place of a span before `now`; that of a further page began where it did for the
        first one. Raises Wrong for what is no time."""
        values = {name: visit.query(name) for name in FILTERS}
        since, until = moment_of(values["from"], "from"), moment_of(values["to"], "to", is_end=True)
        if since is not None or until is not None:
            values["since"] = ""
        elif values["since"] in SINCE:
            begun = moment_of(visit.query(BEGUN), BEGUN) if visit.query("page") else None
            since = begun or now.replace(microsecond=0) - SINCE[values["since"]][1]
        return cls(values, since, until)

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name, value in self.values.items() if value}

    @property
    def fixed(self) -> dict[str, str]:
        """What is given, and the moment that a span before now began: so that further pages are of the same list."""
        if self.since is None or not self.values["since"]:
            return self.given
        return self.given | {BEGUN: written(self.since)}

    def request(self, tenant: str) -> records_pb2.ListRecordsRequest:
        values, number = self.values, self.values["number"].replace(" ", "")
        found = records_pb2.ListRecordsRequest(
            tenant=tenant,
            outcome=values["outcome"],
            domain=values["domain"].lower(),
            reason=values["reason"].upper(),
            pop=values["pop"],
            carrier=values["carrier"],
            caller_id=values["caller_id"].replace(" ", ""),
            account=values["account"],
        )
        if number.endswith("*"):
            found.number_prefix = number.lstrip("+").rstrip("*")
        else:
            found.number = number
        for field, moment in (("since", self.since), ("until", self.until)):
            if moment is not None:
                time = Timestamp()
                time.FromDatetime(moment)
                getattr(found, field).CopyFrom(time)
        return found

    def export(self, tenant: str, form: str) -> records_pb2.ExportRecordsRequest:
        listed = self.request(tenant)
        found = records_pb2.ExportRecordsRequest(format=form, **{name: getattr(listed, name) for name in _EQUAL})
        for field in ("since", "until"):
            if listed.HasField(field):
                getattr(found, field).CopyFrom(getattr(listed, field))
        return found

    @property
    def words(self) -> list[str]:
        """Of `trunkline call list`, whose --number is the beginning of one unless it is told otherwise."""
        found = [word for name, option in _OPTIONS if self.values[name] for word in (f"--{option}", quoted(self.values[name]))]
        written_number = self.values["number"].replace(" ", "")
        number = written_number.rstrip("*")
        found += ["--number", quoted(number), *([] if number != written_number else ["--exactly"])] if number else []
        if self.values["since"] in SINCE:
            return [*found, "--since", self.values["since"]]
        times = (("--since", self.since), ("--until", self.until))
        return found + [word for option, moment in times if moment is not None for word in (option, written(moment))]
