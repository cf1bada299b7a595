//! Messages as a peer reads and writes them: enough of RFC 3261 §7, §8 and §12 for user agents, and nothing of the core's own parser.

use crate::support::{value, values};

/// What tells messages apart. For a response `method` is that of CSeq.
#[derive(Clone, Debug)]
pub struct Sip {
    pub text: String,
    pub status: Option<u16>,
    pub method: String,
    pub cseq: u32,
    pub branch: String,
    pub call_id: String,
    pub from_tag: String,
    pub to_tag: String,
}

impl Sip {
    pub fn read(text: &str) -> Self {
        let status = text.strip_prefix("SIP/2.0 ").map(|rest| rest[..3].parse().expect("a status"));
        let (cseq, method) = value(text, "CSeq").split_once(' ').expect("CSeq is a number and a method");
        Self {
            status,
            method: method.to_owned(),
            cseq: cseq.parse().expect("a number"),
            branch: param(value(text, "Via"), "branch").to_owned(),
            call_id: value(text, "Call-ID").to_owned(),
            from_tag: param(value(text, "From"), "tag").to_owned(),
            to_tag: param(value(text, "To"), "tag").to_owned(),
            text: text.to_owned(),
        }
    }

    pub fn is_request(&self) -> bool {
        self.status.is_none()
    }

    pub fn value(&self, name: &str) -> &str {
        value(&self.text, name)
    }

    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.text, name)
    }

    /// Host and port of the topmost Via.
    pub fn sent_by(&self) -> &str {
        let via = self.value("Via").split_once(' ').map_or("", |(_, rest)| rest);
        via.split(';').next().unwrap_or_default()
    }

    pub fn start(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }
}

/// The parameter of a header value, empty where there is none.
pub fn param<'a>(value: &'a str, name: &str) -> &'a str {
    let found = value.split(';').skip(1).find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_default()
}

/// The URI between the brackets.
pub fn uri(value: &str) -> &str {
    value.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(value, |(uri, _)| uri)
}

/// Host and port of a URI, which all peers here write as addresses.
pub fn address(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.split([';', '?', '>']).next().unwrap_or(rest)
}

/// A response of a peer (§8.2.6). `lines` with their CRLFs.
pub fn response(request: &Sip, status: u16, to_tag: &str, contact: &str, lines: &str) -> String {
    let mut text = format!("SIP/2.0 {status} Whatever\r\n");
    for name in ["Via", "Record-Route"] {
        for value in request.values(name) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let to = request.value("To");
    let to = if !request.to_tag.is_empty() || status == 100 { to.to_owned() } else { format!("{to};tag={to_tag}") };
    text.push_str(&format!("From: {}\r\nTo: {to}\r\nCall-ID: {}\r\n", request.value("From"), request.call_id));
    text.push_str(&format!("CSeq: {} {}\r\nContact: <sip:me@{contact}>\r\n", request.cseq, request.method));
    text.push_str(&format!("{lines}Content-Length: 0\r\n\r\n"));
    text
}
