"""The SIP engine: Rust moves the messages, Python decides once per admitted INVITE.

Make an `Engine`, `apply` tables, `start` it with a function that turns an `Invite` into a `Route` or a `Reject`, `drain` its journal.
"""

from trunkline.engine._engine import (
    AccessTables,
    AccessTrace,
    Engine,
    Invite,
    JournalChunk,
    LiveCall,
    digest_response,
    ha1,
    lines_with,
)
from trunkline.engine.decision import Admission, Challenge, Decision, Reject, Route, Target

__all__ = [
    "AccessTables",
    "AccessTrace",
    "Admission",
    "Challenge",
    "Decision",
    "Engine",
    "Invite",
    "JournalChunk",
    "LiveCall",
    "Reject",
    "Route",
    "Target",
    "digest_response",
    "ha1",
    "lines_with",
]
