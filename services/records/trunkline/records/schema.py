"""The tables of the projection, and what a version of them means."""

from __future__ import annotations

SCHEMA_VERSION = 1
"""Stands in `PRAGMA user_version`. A file of another version is set aside and rebuilt from the stream."""

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE facts (
    call TEXT NOT NULL,
    edge TEXT NOT NULL,
    id TEXT NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (edge, id)
) WITHOUT ROWID;
CREATE INDEX facts_by_call ON facts (call);

CREATE TABLE records (
    call TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    setup_ns INTEGER NOT NULL,
    domain TEXT NOT NULL,
    number TEXT NOT NULL,
    sip_call_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX records_by_time ON records (setup_ns, call);
CREATE INDEX records_by_tenant ON records (tenant, setup_ns, call);
CREATE INDEX records_by_sip_call_id ON records (sip_call_id, tenant);
CREATE INDEX records_by_outcome ON records (outcome);

CREATE TABLE counted (
    edge TEXT NOT NULL,
    id TEXT NOT NULL,
    minute_ns INTEGER NOT NULL,
    source TEXT NOT NULL,
    what TEXT NOT NULL,
    domain TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (edge, id)
) WITHOUT ROWID;
CREATE INDEX counted_by_minute ON counted (minute_ns, source);

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
"""`facts` holds the journal's lines as they came, so that a better fold can be run over them; the `line` of `records` is the protobuf
message `Record`. Times above 2^63 ns do not occur. `rejected` is keyed by a line's place in its edge's journal, or by the message's
sequence under the edge's name "" where even that could not be read."""
