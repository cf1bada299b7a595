//! Answers without state: challenges, refusals of strangers, OPTIONS, what stands outside of dialogs.
//!
//! Sent once, never again by a timer, remembered nowhere. The To-tag is a MAC over the dialog's identifiers and the source, so that a
//! retransmitted INVITE gets the same answer; the ACK that comes back belongs to nothing and is dropped. But its tag tells that its source
//! has read the answer, which nobody can who invents the sources of his datagrams.

use std::net::{IpAddr, SocketAddr};

use ring::hmac;
use subtle::ConstantTimeEq;
use trunkline_message::{
    write_malformed_response, write_response, Algorithm, Challenge, HeaderName, HeaderTable, Message, ParseError, ResponseSpec,
};
use trunkline_transaction::{CallId, Refusal};

/// Unknown domain, and domain without an entry in any ACL.
pub const NOT_SERVED: &str = "T201";

/// What a tag is made for. Of names that are not served it is another, which looks the same.
const TAG: &[u8] = b"tag";
const TAG_OF_NOT_SERVED: &[u8] = b"tag of not served";

/// Methods that we serve (RFC 3261 §20.5); in dialogs any other is passed through too.
const ALLOW: &[u8] = b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE\r\n";

/// Of these a request outside dialogs is not answered 405, which says so (§21.4.6).
pub const ALLOW_OUTSIDE: &[u8] = b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE\r\n";

/// Extensions that a call may have: they are the other side's, and pass (§20.37).
const SUPPORTED: [&str; 2] = ["100rel", "timer"];

/// Whether nobody whom we call for has this extension, as far as we know.
pub fn is_unsupported(tag: &[u8]) -> bool {
    !SUPPORTED.iter().any(|known| tag.eq_ignore_ascii_case(known.as_bytes()))
}

/// Writes answers of one run of one edge.
#[derive(Debug)]
pub struct Stateless {
    key: hmac::Key,
    /// `Server: …` with its CRLF.
    server: Vec<u8>,
}

/// The challenges of one answer: one header line for each algorithm, all with the same nonce.
#[derive(Clone, Copy, Debug)]
pub struct Challenges<'a> {
    /// 401 or 407.
    pub status: u16,
    pub realm: &'a str,
    pub nonce: &'a str,
    /// Most preferred first, each once (RFC 8760 §2.4).
    pub algorithms: &'a [Algorithm],
    pub is_stale: bool,
}

impl Challenges<'_> {
    /// The header lines.
    pub fn write(&self, out: &mut Vec<u8>) {
        for algorithm in self.algorithms {
            let name: &[u8] = if self.status == 401 { b"WWW-Authenticate: " } else { b"Proxy-Authenticate: " };
            out.extend_from_slice(name);
            Challenge { realm: self.realm, nonce: self.nonce, algorithm: *algorithm, is_stale: self.is_stale, has_qop: true }
                .write_value(out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl Stateless {
    /// `seed` is entropy of this run; `user_agent` must be header text.
    #[must_use]
    pub fn new(seed: &[u8; 32], user_agent: &str) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, seed), server: format!("Server: {user_agent}\r\n").into_bytes() }
    }

    /// The attempt of a request that is refused without state: the same for its retransmissions, another for a fork of the same call, and for
    /// each password that is tried.
    #[must_use]
    pub fn call_id(&self, message: &Message<'_>) -> CallId {
        let number = message.cseq().number.to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![&number, message.request_uri_bytes(), message.top_via().branch()];
        for name in [HeaderName::ProxyAuthorization, HeaderName::Authorization] {
            parts.extend(message.values(name).map(|value| value.bytes));
        }
        let mac = self.mac(b"call", message, &parts);
        let mut id = [0; 16];
        id.copy_from_slice(&mac.as_ref()[..16]);
        // 0 means "no call" in a fact.
        CallId(u128::from_be_bytes(id).max(1))
    }

    /// Status, text and code of the registry, and the Reason header (RFC 3326, RFC 6432). `lines` are further whole header lines.
    pub fn refuse(&self, message: &Message<'_>, source: SocketAddr, refusal: &Refusal, lines: &[u8], out: &mut Vec<u8>) {
        let phrase = format!("{} {}", refusal.text, refusal.code);
        let mut all = self.server.clone();
        write_reason(refusal, &mut all);
        all.extend_from_slice(refusal.extra_headers.as_bytes());
        all.extend_from_slice(lines);
        let purpose = if refusal.code == NOT_SERVED { TAG_OF_NOT_SERVED } else { TAG };
        self.respond(message, source, refusal.status, &phrase, purpose, &all, out);
    }

    /// 401 or 407.
    pub fn challenge(&self, message: &Message<'_>, source: SocketAddr, challenges: &Challenges<'_>, out: &mut Vec<u8>) {
        let mut lines = self.server.clone();
        challenges.write(&mut lines);
        self.respond(message, source, challenges.status, "", TAG, &lines, out);
    }

    /// 200 to OPTIONS (RFC 3261 §11.2).
    pub fn options(&self, message: &Message<'_>, source: SocketAddr, out: &mut Vec<u8>) {
        let mut lines = self.server.clone();
        lines.extend_from_slice(ALLOW);
        lines.extend_from_slice(format!("Accept: application/sdp\r\nSupported: {}\r\n", SUPPORTED.join(", ")).as_bytes());
        self.respond(message, source, 200, "", TAG, &lines, out);
    }

    /// An answer to what is no SIP message; `false` where nobody can be answered.
    #[must_use]
    pub fn malformed(
        &self,
        datagram: &[u8],
        table: &HeaderTable,
        error: &ParseError,
        source: SocketAddr,
        refusal: &Refusal,
        out: &mut Vec<u8>,
    ) -> bool {
        let phrase = format!("{} {}", refusal.text, refusal.code);
        let tag = hex(&hmac::sign(&self.key, datagram).as_ref()[..8]);
        let mut lines = self.server.clone();
        write_reason(refusal, &mut lines);
        let spec = ResponseSpec {
            status: error.status,
            reason_phrase: &phrase,
            source: Some(source),
            to_tag: Some(tag.as_bytes()),
            has_record_route: false,
            lines: &lines,
        };
        write_malformed_response(datagram, table, error, &spec, out)
    }

    /// Of an ACK: whether it acknowledges that a name is not served, and comes from where that was sent.
    #[must_use]
    pub fn is_ack_of_not_served(&self, ack: &Message<'_>, source: IpAddr) -> bool {
        ack.to_tag().is_some_and(|tag| tag.ct_eq(self.tag(TAG_OF_NOT_SERVED, ack, source).as_bytes()).into())
    }

    fn tag(&self, purpose: &[u8], message: &Message<'_>, source: IpAddr) -> String {
        let mac = match source.to_canonical() {
            IpAddr::V4(address) => self.mac(purpose, message, &[&address.octets()]),
            IpAddr::V6(address) => self.mac(purpose, message, &[&address.octets()]),
        };
        hex(&mac.as_ref()[..8])
    }

    #[allow(clippy::too_many_arguments)]
    fn respond(
        &self,
        message: &Message<'_>,
        source: SocketAddr,
        status: u16,
        phrase: &str,
        purpose: &[u8],
        lines: &[u8],
        out: &mut Vec<u8>,
    ) {
        let tag = self.tag(purpose, message, source.ip());
        let spec = ResponseSpec {
            status,
            reason_phrase: phrase,
            source: Some(source),
            to_tag: Some(tag.as_bytes()),
            has_record_route: false,
            lines,
        };
        write_response(message, &spec, out);
    }

    fn mac(&self, purpose: &[u8], message: &Message<'_>, more: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        let always = [purpose, message.call_id(), message.from_tag().unwrap_or_default()];
        for part in always.iter().chain(more) {
            // Each with its length, so that two parts cannot pass for other two.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign()
    }
}

fn write_reason(refusal: &Refusal, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("Reason: Q.850;cause={};text=\"{} {}\"\r\n", refusal.q850, refusal.code, refusal.text).as_bytes());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}
