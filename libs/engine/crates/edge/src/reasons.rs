//! Codes to what is said on the wire.

use trunkline_access::Snapshot;
use trunkline_transaction::Refusal;

/// After this many seconds a caller who was told 503 may try again (RFC 3261 §20.33).
const RETRY_AFTER: &str = "Retry-After: 5\r\n";

/// The row of a code in the registry that was applied. Before any was, and for a code that it lacks, plain 500.
#[must_use]
pub fn refusal(tables: &Snapshot, code: &str, facts: String) -> Refusal {
    let (status, text, q850) =
        tables.reason(code).map_or((500, "Server Internal Error", 41), |reason| (reason.status, reason.text.as_str(), reason.q850));
    Refusal {
        status,
        text: text.to_owned(),
        code: code.to_owned(),
        q850,
        facts,
        extra_headers: if status == 503 { RETRY_AFTER.to_owned() } else { String::new() },
    }
}
