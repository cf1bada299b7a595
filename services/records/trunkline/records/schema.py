"""The tables of the projection, and what a version of them means."""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 5
"""Stands in `PRAGMA user_version`. A file of a version that is not in `UPGRADES` is set aside and rebuilt from the stream."""

_USAGE: Final = """
CREATE TABLE usage (
    interval_s INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    start_s INTEGER NOT NULL,
    domain TEXT NOT NULL,
    pop TEXT NOT NULL,
    amounts TEXT NOT NULL,
    PRIMARY KEY (interval_s, tenant, start_s, domain, pop)
) WITHOUT ROWID;
CREATE INDEX usage_by_time ON usage (interval_s, start_s);
"""

_WEBHOOKS: Final = """
CREATE TABLE IF NOT EXISTS webhook_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    call TEXT NOT NULL,
    queued_s INTEGER NOT NULL,
    UNIQUE (tenant, call)
);
CREATE INDEX IF NOT EXISTS webhook_queue_by_tenant ON webhook_queue (tenant, id);
CREATE TABLE IF NOT EXISTS webhook_totals (
    tenant TEXT PRIMARY KEY,
    delivered INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    last_s INTEGER NOT NULL
) WITHOUT ROWID;
"""
"""Records that are to be sent to their tenant, and what became of those before: see `trunkline.records.webhook_queue`."""

_COUNTED_INDEXES: Final = """
CREATE INDEX counted_by_minute ON counted (minute_ns, what, domain, source, tenant, number);
CREATE INDEX counted_by_tenant ON counted (tenant, minute_ns, what, domain, source, number);
"""

_DERIVED: Final = f"""
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    call TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    setup_ns INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    domain TEXT NOT NULL,
    reason TEXT NOT NULL,
    number TEXT NOT NULL,
    pop TEXT NOT NULL,
    carrier TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    account TEXT NOT NULL,
    sip_call_id TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX records_by_time ON records (setup_ns, id);
CREATE INDEX records_by_tenant
    ON records (tenant, setup_ns, id, outcome, domain, reason, number, pop, carrier, caller_id, account);
CREATE INDEX records_by_outcome ON records (outcome, tenant, setup_ns, id);
CREATE INDEX records_by_domain ON records (tenant, domain, setup_ns, id);
CREATE INDEX records_by_reason ON records (tenant, reason, setup_ns, id);
CREATE INDEX records_by_number ON records (tenant, number, setup_ns, id);
CREATE INDEX records_by_carrier ON records (tenant, carrier, setup_ns, id);
CREATE INDEX records_by_caller_id ON records (tenant, caller_id, setup_ns, id);
CREATE INDEX records_by_account ON records (tenant, account, setup_ns, id);
CREATE INDEX records_by_sip_call_id ON records (sip_call_id, tenant);

{_USAGE}"""
"""What is folded from the facts."""

SCHEMA: Final = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE facts (
    call TEXT NOT NULL,
    edge TEXT NOT NULL,
    id TEXT NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (edge, id)
) WITHOUT ROWID;
CREATE INDEX facts_by_call ON facts (call);
{_DERIVED}
{_WEBHOOKS}
CREATE TABLE counted (
    edge TEXT NOT NULL,
    id TEXT NOT NULL,
    minute_ns INTEGER NOT NULL,
    source TEXT NOT NULL,
    what TEXT NOT NULL,
    domain TEXT NOT NULL,
    number INTEGER NOT NULL,
    tenant TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (edge, id)
) WITHOUT ROWID;
{_COUNTED_INDEXES}
CREATE TABLE rejected (
    edge TEXT NOT NULL,
    segment TEXT NOT NULL,
    offset INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    problem TEXT NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (edge, segment, offset)
) WITHOUT ROWID;
"""
"""`facts` holds the journal's lines as they came, so that a better fold can be run over them; the `body` of `records` is the protobuf
message `Record`, its `carrier` the one that answered or was tried last, its `number` without `+`. Times above 2^63 ns do not occur. `usage`
is what `trunkline.records.usage` says of each record, added up as `trunkline.records.sums` has it. `rejected` is keyed by a line's place in
its edge's journal, or by the message's sequence under the edge's name "" where even that could not be read."""

_SUMS_IN_ROWS: Final = f"""
ALTER TABLE usage RENAME TO usage_before;
DROP INDEX usage_by_time;
{_USAGE}
INSERT INTO usage SELECT interval_s, tenant, start_s, domain, pop, json_group_object(what, amount)
    FROM usage_before WHERE amount != 0 AND (tenant, domain, pop) != ('', '', '') GROUP BY interval_s, tenant, start_s, domain, pop;
INSERT INTO usage SELECT interval_s, '', start_s, '', '', json_group_object(what, amount)
    FROM (SELECT interval_s, start_s, what, sum(amount) AS amount FROM usage_before WHERE domain = '' AND pop = '' GROUP BY 1, 2, 3)
    WHERE amount != 0 GROUP BY interval_s, start_s;
DROP TABLE usage_before;
"""  # noqa: S608 — fixed texts
"""Version 2 had a row for each amount, and none for all tenants together."""

_OWNERS_OF_COUNTS: Final = f"""
ALTER TABLE counted ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
DROP INDEX counted_by_minute;
{_COUNTED_INDEXES}"""
"""Up to version 4 nobody knew whose the domain was."""

UPGRADES: Final = {
    1: f"DROP TABLE records; {_DERIVED} {_WEBHOOKS} {_OWNERS_OF_COUNTS} UPDATE meta SET value = 0 WHERE name = 'fold_version';",  # noqa: S608
    2: _SUMS_IN_ROWS + _WEBHOOKS + _OWNERS_OF_COUNTS,
    3: _WEBHOOKS + _OWNERS_OF_COUNTS,
    4: _OWNERS_OF_COUNTS,
}
"""From an older version to this one. What version 1 had derived is folded anew at the same start."""
