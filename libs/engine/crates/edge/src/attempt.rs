//! What the record says of an attempt from the INVITE itself: who was dialled, from where, with what.

use std::borrow::Cow;

use trunkline_access::{was_sent_to, Admission, Capture, Domain, Snapshot};
use trunkline_message::{e164_digits, Credentials, HeaderName, Message};
use trunkline_transaction::{CallId, Flow, Now, Transport};

use crate::fact_lines::Attempted;
use crate::policy::Decision;
use crate::worker::Worker;

/// Credentials that are looked at in one request: a client answers each realm once, and a few stale ones do no harm.
const MAX_CREDENTIALS: usize = 8;

/// What admitted a call that was not admitted.
pub(crate) fn nobody() -> Admission {
    Admission::default()
}

/// Values of the Proxy-Authorization and Authorization fields, unfolded.
pub(crate) fn credentials_of<'a>(message: &Message<'a>) -> Vec<Cow<'a, [u8]>> {
    message
        .fields(HeaderName::ProxyAuthorization)
        .chain(message.fields(HeaderName::Authorization))
        .take(MAX_CREDENTIALS)
        .map(|field| trunkline_message::text::unfold(field.value.of(message.bytes())))
        .collect()
}

/// What the INVITE itself says.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub host: &'a str,
    pub number: &'a str,
    pub username: &'a [u8],
}

/// Whose call it is, as of which position of the log.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub tenant: &'a str,
    pub label: &'a str,
    pub position: u64,
    pub capture: Capture,
}

impl<'a> Owner<'a> {
    pub(crate) fn of(domain: &'a Domain, tables: &Snapshot) -> Self {
        Self { tenant: &domain.tenant, label: &domain.label, position: tables.position(), capture: domain.capture }
    }
}

impl Worker {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn write_attempt(
        &mut self,
        now: Now,
        flow: Flow,
        message: &Message<'_>,
        owner: Owner<'_>,
        admission: &Admission,
        decision: &Decision,
        call: CallId,
        attempt: &Attempt<'_>,
    ) {
        let user_agent = message.named(b"User-Agent").next().map(|field| field.value.of(message.bytes())).unwrap_or_default();
        // Written as records are asked for: with a plus where it is a number.
        let number =
            e164_digits(attempt.number.as_bytes()).map_or_else(|| attempt.number.to_owned(), |digits| format!("+{}", digits.as_str()));
        let attempted = Attempted {
            tenant: owner.tenant,
            domain: owner.label,
            host: attempt.host,
            number: &number,
            sip_call_id: message.call_id(),
            from_uri: message.from().uri_bytes,
            to_uri: message.to().uri_bytes,
            user_agent,
            source: &flow.peer.to_string(),
            transport: self.transport(flow).as_str(),
            pop: &self.config.pop,
            edge: &self.config.edge,
            acl: &admission.acl,
            account: &admission.account,
            address: &admission.address,
            digest_algorithm: admission.algorithm.map_or("", trunkline_message::Algorithm::as_str),
            position: owner.position,
            caller_id: if decision.caller_id.is_empty() { admission.caller_id() } else { &decision.caller_id },
            presented: &decision.presented,
            is_private: decision.is_private,
            privacy: &decision.privacy,
            prefix: &decision.prefix,
            username: attempt.username,
            notes: &decision.notes,
            max_duration_s: decision.max_duration_s,
            is_source_proved: self.is_source_proved(now, flow, message, admission, attempt),
        };
        self.lines.attempted(&mut self.pending, call, now.unix_ns, &attempted);
    }

    /// Of credentials, right or wrong: whether they came over a connection, or on a nonce that was sent to where they are said to come from.
    /// Anybody may write a source into a datagram, and have got a nonce for himself.
    fn is_source_proved(&self, now: Now, flow: Flow, message: &Message<'_>, admission: &Admission, attempt: &Attempt<'_>) -> bool {
        let are_right = admission.algorithm.is_some();
        let are_wrong = !attempt.username.is_empty() && admission.acl.is_empty();
        if !are_right && !are_wrong {
            return false;
        }
        if self.transport(flow) != Transport::Udp {
            return true;
        }
        let (tables, now_ms, source) = (self.shared.tables.load(), now.unix_ns / 1_000_000, flow.peer.ip());
        // Mostly the one that was opened to admit them; a client may bring older ones beside it.
        admission.nonce.is_some_and(|nonce| nonce.was_sent_to(tables.nonce_keys(), now_ms, source))
            || credentials_of(message)
                .iter()
                .filter_map(|value| Credentials::parse(value).ok())
                .any(|credentials| was_sent_to(tables.nonce_keys(), &self.config.realm, credentials.nonce, now_ms, source))
    }
}
