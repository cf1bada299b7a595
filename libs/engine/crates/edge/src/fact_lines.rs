//! Facts as lines of the journal: the canonical JSON mapping of `trunkline.api.events.v1.CallFact`, with its snake_case names.
//!
//! 64-bit numbers are written as numbers; readers of that mapping accept both forms. Fields that are zero or empty are left out.

use trunkline_message::numbers::write_decimal;
use trunkline_transaction::{CallId, Fact, FactKind, Refusal};

/// An INVITE for an existing domain, as it was seen and admitted; `Attempted` of the proto. Text from the wire may hold any bytes that the
/// parser lets through: it is escaped here and nowhere else.
#[derive(Clone, Debug, Default)]
pub struct Attempted<'a> {
    pub tenant: &'a str,
    pub domain: &'a str,
    pub host: &'a str,
    pub number: &'a str,
    pub sip_call_id: &'a [u8],
    pub from_uri: &'a [u8],
    pub to_uri: &'a [u8],
    pub user_agent: &'a [u8],
    pub source: &'a str,
    pub transport: &'a str,
    pub pop: &'a str,
    pub edge: &'a str,
    pub acl: &'a str,
    pub account: &'a str,
    pub address: &'a str,
    pub digest_algorithm: &'a str,
    pub position: u64,
    pub caller_id: &'a str,
    pub presented: &'a str,
    pub is_private: bool,
    pub privacy: &'a str,
    pub prefix: &'a str,
    pub username: &'a [u8],
    pub notes: &'a [String],
    /// Seconds; 0: the platform's.
    pub max_duration_s: u32,
    /// Of credentials that were not acceptable: no other than the source can have sent them.
    pub is_source_proved: bool,
}

/// What is counted instead of recorded; `Counted` of the proto.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted<'a> {
    pub source: &'a str,
    /// "challenge" or as in `crate::counts::What`.
    pub what: &'a str,
    pub number: u64,
    /// Start of the minute, nanoseconds since 1970 UTC.
    pub minute_ns: u64,
    pub domain: &'a str,
    /// Whose the domain was then.
    pub tenant: &'a str,
    /// So many of the number can have come from nobody but the source.
    pub proved: u64,
}

/// Numbers the facts of one run of one edge: `<boot>-<n>`.
#[derive(Debug)]
pub struct FactLines {
    boot: String,
    next: u64,
}

impl FactLines {
    /// `boot` names the run, as in [`crate::journal::Journal::boot`]; each worker numbers its own: `<boot>.<worker>-<n>` for all but the first.
    #[must_use]
    pub fn new(boot: &str, worker: u8) -> Self {
        let boot = if worker == 0 { boot.to_owned() } else { format!("{boot}.{worker}") };
        Self { boot, next: 0 }
    }

    /// Appends the line of a fact of the proxy core.
    pub fn fact(&mut self, out: &mut Vec<u8>, fact: &Fact) {
        self.begin(out, fact.call, fact.time_ns);
        match &fact.kind {
            FactKind::Refused { status, reason, q850, facts } => put_refusal(out, *status, reason, *q850, facts),
            FactKind::GatewayTried { number, carrier, gateway, address, rate_micros, currency, increments, from_uri } => {
                Body::open(out, "gateway_tried")
                    .number("number", u64::from(*number))
                    .text("carrier", carrier)
                    .text("gateway", gateway)
                    .text("address", address)
                    .number("rate_micros", *rate_micros)
                    .text("currency", currency)
                    .text("from_uri", from_uri)
                    .number("initial_increment_s", u64::from(increments.initial_s))
                    .number("next_increment_s", u64::from(increments.next_s))
                    .number("connection_fee_micros", increments.connection_fee_micros)
                    .close()
            }
            FactKind::GatewayFailed { number, status, cause } => Body::open(out, "gateway_failed")
                .number("number", u64::from(*number))
                .number("status", u64::from(*status))
                .text("cause", cause.as_str())
                .close(),
            FactKind::Progressed { number, status } => {
                Body::open(out, "progressed").number("number", u64::from(*number)).number("status", u64::from(*status)).close()
            }
            FactKind::Answered { number, status } => {
                Body::open(out, "answered").number("number", u64::from(*number)).number("status", u64::from(*status)).close()
            }
            FactKind::Failed { status, reason, q850, by } => Body::open(out, "failed")
                .number("status", u64::from(*status))
                .text("reason", reason)
                .number("q850", u64::from(*q850))
                .text("by", by.as_str())
                .close(),
            FactKind::HungUp { reason, facts } => Body::open(out, "hung_up").text("reason", reason).text("facts", facts).close(),
            FactKind::Ended { by, q850, answered_ns } => Body::open(out, "ended")
                .text("by", by.as_str())
                .number("q850", u64::from(*q850))
                .number("answered_ns", *answered_ns)
                .close(),
        }
        out.extend_from_slice(b"}\n");
    }

    /// Appends the line of an attempt.
    pub fn attempted(&mut self, out: &mut Vec<u8>, call: CallId, time_ns: u64, attempted: &Attempted<'_>) {
        self.begin(out, call, time_ns);
        let mut body = Body::open(out, "attempted")
            .text("tenant", attempted.tenant)
            .text("domain", attempted.domain)
            .text("host", attempted.host)
            .text("number", attempted.number)
            .bytes("sip_call_id", attempted.sip_call_id)
            .bytes("from_uri", attempted.from_uri)
            .bytes("to_uri", attempted.to_uri)
            .bytes("user_agent", attempted.user_agent)
            .text("source", attempted.source)
            .text("transport", attempted.transport)
            .text("pop", attempted.pop)
            .text("edge", attempted.edge)
            .text("acl", attempted.acl)
            .text("account", attempted.account)
            .text("address", attempted.address)
            .text("digest_algorithm", attempted.digest_algorithm)
            .number("position", attempted.position)
            .text("caller_id", attempted.caller_id)
            .text("presented", attempted.presented);
        if attempted.is_private {
            body = body.truth("is_private");
        }
        body = body
            .text("privacy", attempted.privacy)
            .text("prefix", attempted.prefix)
            .bytes("username", attempted.username)
            .list("notes", attempted.notes)
            .number("max_duration_s", u64::from(attempted.max_duration_s));
        if attempted.is_source_proved {
            body = body.truth("is_source_proved");
        }
        body.close();
        out.extend_from_slice(b"}\n");
    }

    /// Appends the line of a refusal without state, after the line of its attempt.
    pub fn refused(&mut self, out: &mut Vec<u8>, call: CallId, time_ns: u64, refusal: &Refusal) {
        self.begin(out, call, time_ns);
        put_refusal(out, refusal.status, &refusal.code, refusal.q850, &refusal.facts);
        out.extend_from_slice(b"}\n");
    }

    /// Appends the line of a count; it belongs to no call.
    pub fn counted(&mut self, out: &mut Vec<u8>, time_ns: u64, counted: &Counted<'_>) {
        self.begin(out, CallId(0), time_ns);
        Body::open(out, "counted")
            .text("source", counted.source)
            .text("what", counted.what)
            .number("number", counted.number)
            .number("minute_ns", counted.minute_ns)
            .text("domain", counted.domain)
            .text("tenant", counted.tenant)
            .number("proved", counted.proved)
            .close();
        out.extend_from_slice(b"}\n");
    }

    fn begin(&mut self, out: &mut Vec<u8>, call: CallId, time_ns: u64) {
        out.push(b'{');
        if call.0 != 0 {
            out.extend_from_slice(b"\"call\":\"");
            put_hexadecimal(out, call.0);
            out.extend_from_slice(b"\",");
        }
        out.extend_from_slice(b"\"id\":\"");
        out.extend_from_slice(self.boot.as_bytes());
        out.push(b'-');
        write_decimal(self.next, out);
        out.extend_from_slice(b"\",\"time_ns\":");
        write_decimal(time_ns, out);
        out.push(b',');
        self.next += 1;
    }
}

fn put_refusal(out: &mut Vec<u8>, status: u16, reason: &str, q850: u16, facts: &str) {
    Body::open(out, "refused")
        .number("status", u64::from(status))
        .text("reason", reason)
        .number("q850", u64::from(q850))
        .text("facts", facts)
        .close();
}

/// One JSON object, field by field.
struct Body<'o> {
    out: &'o mut Vec<u8>,
    is_empty: bool,
}

impl<'o> Body<'o> {
    fn open(out: &'o mut Vec<u8>, name: &str) -> Self {
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":{");
        Self { out, is_empty: true }
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(if std::mem::take(&mut self.is_empty) { b"\"" } else { b",\"" });
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.bytes(name, value.as_bytes())
    }

    fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        if !value.is_empty() {
            self.name(name);
            put_string(self.out, value);
        }
        self
    }

    fn number(mut self, name: &str, value: u64) -> Self {
        if value != 0 {
            self.name(name);
            write_decimal(value, self.out);
        }
        self
    }

    fn truth(mut self, name: &str) -> Self {
        self.name(name);
        self.out.extend_from_slice(b"true");
        self
    }

    fn list(mut self, name: &str, values: &[String]) -> Self {
        if !values.is_empty() {
            self.name(name);
            for (index, value) in values.iter().enumerate() {
                self.out.push(if index == 0 { b'[' } else { b',' });
                put_string(self.out, value.as_bytes());
            }
            self.out.push(b']');
        }
        self
    }

    fn close(self) {
        self.out.push(b'}');
    }
}

/// Of a text in a fact: what a person reads of it, and what keeps a line below [`crate::journal::MAX_LINE_BYTES`] when every byte has to be
/// escaped by six. The whole message is not the journal's to keep.
const MAX_TEXT_BYTES: usize = 1024;

/// A JSON string (RFC 8259 §7) of what should be UTF-8; bytes that are not become U+FFFD.
fn put_string(out: &mut Vec<u8>, value: &[u8]) {
    let value = &value[..value.len().min(MAX_TEXT_BYTES)];
    out.push(b'"');
    // Nearly every text stands as it is. A sum, not a search, so that 16 bytes are looked at at once.
    if value.iter().fold(0, |odd, byte| odd | u8::from(must_be_looked_at(*byte))) == 0 {
        out.extend_from_slice(value);
        out.push(b'"');
        return;
    }
    for chunk in value.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                0..=0x1f => {
                    out.extend_from_slice(b"\\u00");
                    out.extend_from_slice(&[digit(byte >> 4), digit(byte)]);
                }
                _ => out.push(byte),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// What is escaped, and what may be no UTF-8.
fn must_be_looked_at(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\') | (byte >= 0x80)
}

/// All 32 digits.
fn put_hexadecimal(out: &mut Vec<u8>, number: u128) {
    for byte in number.to_be_bytes() {
        out.extend_from_slice(&[digit(byte >> 4), digit(byte)]);
    }
}

/// Of the lower four bits.
fn digit(bits: u8) -> u8 {
    b"0123456789abcdef"[usize::from(bits & 15)]
}
