//! A parsed message: spans, and views that borrow from the received bytes.

use crate::address::NameAddr;
use crate::error::ParseError;
use crate::method::Method;
use crate::name::HeaderName;
use crate::privacy::{PrivacyTokens, ReasonValue};
use crate::span::Span;
use crate::uri::Uri;
use crate::values::{Value, Values};
use crate::via::Via;

/// One header field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: HeaderName,
    /// As spelled, without the blanks before the colon.
    pub name_span: Span,
    /// Without surrounding white space; folds inside are kept.
    pub value: Span,
    /// The whole field with all its folds and the last CRLF.
    pub line: Span,
}

/// The reusable memory of a parse: make one a worker and lend it to [`Message::parse`]. It keeps what was framed when a parse failed,
/// for [`crate::write_malformed_response`].
#[derive(Clone, Debug, Default)]
pub struct HeaderTable {
    pub(crate) headers: Vec<Header>,
    pub(crate) parsed: Parsed,
}

impl HeaderTable {
    pub fn new() -> Self {
        HeaderTable { headers: Vec::with_capacity(crate::limits::HEADERS), parsed: Parsed::default() }
    }
}

/// CSeq (RFC 3261 §20.16). The method is also `message.method()` in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2^31.
    pub number: u32,
    pub method: Method,
    pub method_bytes: &'a [u8],
}

/// Where the parts of From or To stand, so that nobody looks for them twice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AddressSpans {
    pub display_name: Span,
    pub uri: Span,
    pub address: Span,
    pub params: Span,
}

impl AddressSpans {
    pub fn of(address: &NameAddr<'_>, bytes: &[u8]) -> Self {
        let span = |part| Span::find(part, bytes).unwrap_or_default();
        AddressSpans {
            display_name: span(address.display_name_bytes),
            uri: span(address.uri_bytes),
            address: span(address.address_bytes),
            params: span(address.param_bytes),
        }
    }

    fn view(self, bytes: &[u8]) -> NameAddr<'_> {
        NameAddr {
            display_name_bytes: self.display_name.of(bytes),
            uri_bytes: self.uri.of(bytes),
            address_bytes: self.address.of(bytes),
            param_bytes: self.params.of(bytes),
        }
    }
}

/// The same of the topmost Via.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ViaSpans {
    pub raw: Span,
    pub transport: Span,
    pub sent_by_host: Span,
    pub sent_by_port: Option<u16>,
    pub params: Span,
}

impl ViaSpans {
    pub fn of(via: &Via<'_>, bytes: &[u8]) -> Self {
        let span = |part| Span::find(part, bytes).unwrap_or_default();
        ViaSpans {
            raw: span(via.raw),
            transport: span(via.transport),
            sent_by_host: span(via.sent_by_host),
            sent_by_port: via.sent_by_port,
            params: span(via.param_bytes),
        }
    }

    fn view(self, bytes: &[u8]) -> Via<'_> {
        Via {
            raw: self.raw.of(bytes),
            transport: self.transport.of(bytes),
            sent_by_host: self.sent_by_host.of(bytes),
            sent_by_port: self.sent_by_port,
            param_bytes: self.params.of(bytes),
        }
    }
}

/// Everything a parse finds out beside the table. Spans are relative to the message, not to the datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parsed {
    pub is_response: bool,
    /// 0 in a request.
    pub status: u16,
    pub method: Method,
    pub method_span: Span,
    /// Request-URI, or the reason phrase of a response.
    pub target: Span,
    /// Start of the first header field.
    pub headers_start: u32,
    /// Start of the CRLF that ends the header.
    pub headers_end: u32,
    pub body: Span,
    pub call_id: Span,
    pub cseq_number: u32,
    pub cseq_method: Method,
    pub cseq_method_span: Span,
    pub max_forwards: Option<u8>,
    pub from: AddressSpans,
    pub to: AddressSpans,
    pub via: ViaSpans,
    pub via_count: usize,
    /// Empty where there is none.
    pub from_tag: Span,
    pub to_tag: Span,
    /// Of the topmost Via.
    pub branch: Span,
    /// Index + 1 of the first field of each name; 0 where there is none.
    pub first: [u8; HeaderName::COUNT],
}

impl Default for Parsed {
    fn default() -> Self {
        Parsed {
            is_response: false,
            status: 0,
            method: Method::Other,
            method_span: Span::default(),
            target: Span::default(),
            headers_start: 0,
            headers_end: 0,
            body: Span::default(),
            call_id: Span::default(),
            cseq_number: 0,
            cseq_method: Method::Other,
            cseq_method_span: Span::default(),
            max_forwards: None,
            from: AddressSpans::default(),
            to: AddressSpans::default(),
            via: ViaSpans::default(),
            via_count: 0,
            from_tag: Span::default(),
            to_tag: Span::default(),
            branch: Span::default(),
            first: [0; HeaderName::COUNT],
        }
    }
}

/// A well-framed request or response with its mandatory fields: top Via with a branch (ask [`Via::has_cookie`] whether it is one of
/// RFC 3261), From, To, Call-ID, CSeq.
///
/// Cheap to copy. All slices it gives lie in [`Message::bytes`]; [`Message::span_of`] turns one back into a span for [`crate::Edits`].
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    headers: &'a [Header],
    parsed: &'a Parsed,
}

impl<'a> Message<'a> {
    /// Parses one datagram (RFC 3261 §7, §18.3).
    ///
    /// CRLFs before the start line are skipped; the body ends at Content-Length and what follows is ignored; without Content-Length it
    /// ends with the datagram. Errors carry the status for a request; whether one may be sent is [`crate::write_malformed_response`]'s
    /// business. Ask [`crate::is_keep_alive`] first: a datagram of CRLFs only is an error here.
    pub fn parse(datagram: &'a [u8], table: &'a mut HeaderTable) -> Result<Self, ParseError> {
        let bytes = crate::parse::parse(datagram, table)?;
        let table: &'a HeaderTable = table;
        Ok(Message::from_parts(bytes, &table.headers, &table.parsed))
    }

    pub(crate) fn from_parts(bytes: &'a [u8], headers: &'a [Header], parsed: &'a Parsed) -> Self {
        Message { bytes, headers, parsed }
    }

    pub(crate) fn parts(&self) -> (&'a [u8], &'a [Header], &'a Parsed) {
        (self.bytes, self.headers, self.parsed)
    }

    /// Start line to the end of the body: without leading CRLFs and trailing data. All spans are relative to this.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn is_request(&self) -> bool {
        !self.parsed.is_response
    }

    /// Of the request line, or of CSeq in a response.
    pub fn method(&self) -> Method {
        if self.is_request() {
            self.parsed.method
        } else {
            self.parsed.cseq_method
        }
    }

    pub fn method_bytes(&self) -> &'a [u8] {
        if self.is_request() {
            self.parsed.method_span.of(self.bytes)
        } else {
            self.parsed.cseq_method_span.of(self.bytes)
        }
    }

    /// 100 to 699 in a response, `None` in a request.
    pub fn status(&self) -> Option<u16> {
        (!self.is_request()).then_some(self.parsed.status)
    }

    /// Reason phrase as sent; empty in a request.
    pub fn reason_phrase(&self) -> &'a [u8] {
        if self.is_request() {
            b""
        } else {
            self.parsed.target.of(self.bytes)
        }
    }

    /// As sent; empty in a response.
    pub fn request_uri_bytes(&self) -> &'a [u8] {
        self.request_uri_span().of(self.bytes)
    }

    pub fn request_uri_span(&self) -> Span {
        if self.is_request() {
            self.parsed.target
        } else {
            Span::default()
        }
    }

    /// 416 for a scheme other than sip, sips and tel is the caller's rule: such a URI parses with [`crate::Scheme::Other`].
    pub fn request_uri(&self) -> Result<Uri<'a>, ParseError> {
        let span = self.request_uri_span();
        Uri::parse(span.of(self.bytes)).map_err(|error| error.at(span.start as usize))
    }

    pub fn body(&self) -> &'a [u8] {
        self.parsed.body.of(self.bytes)
    }

    /// Fields in order; at most [`crate::limits::HEADERS`].
    pub fn headers(&self) -> &'a [Header] {
        self.headers
    }

    /// Where the first header field starts, and where the empty line that ends the header starts.
    pub fn headers_range(&self) -> Span {
        Span { start: self.parsed.headers_start, end: self.parsed.headers_end }
    }

    /// The first field of a known name (not `Other`).
    pub fn header(&self, name: HeaderName) -> Option<&'a Header> {
        match self.parsed.first[name as usize] {
            0 => None,
            index => self.headers.get(index as usize - 1),
        }
    }

    pub fn has(&self, name: HeaderName) -> bool {
        self.parsed.first[name as usize] != 0
    }

    /// Every field of a known name, in order.
    pub fn fields(&self, name: HeaderName) -> impl Iterator<Item = &'a Header> + 'a {
        let start = match self.parsed.first[name as usize] {
            0 => self.headers.len(),
            index => index as usize - 1,
        };
        self.headers[start..].iter().filter(move |header| header.name == name)
    }

    /// Every field whose name is `name` without case, known or not; compact forms of known names are found too.
    pub fn named(&self, name: &'a [u8]) -> impl Iterator<Item = &'a Header> + 'a {
        let known = HeaderName::from_bytes(name);
        let bytes = self.bytes;
        self.headers.iter().filter(move |header| match known {
            HeaderName::Other => header.name == HeaderName::Other && header.name_span.of(bytes).eq_ignore_ascii_case(name),
            _ => header.name == known,
        })
    }

    /// Value of the first field of that name, folds kept.
    pub fn value(&self, name: HeaderName) -> Option<&'a [u8]> {
        self.header(name).map(|header| header.value.of(self.bytes))
    }

    /// The values of a comma-separated field over all its lines (RFC 3261 §7.3.1).
    pub fn values(&self, name: HeaderName) -> Values<'a> {
        let first = match self.parsed.first[name as usize] {
            0 => self.headers.len(),
            index => usize::from(index) - 1,
        };
        Values::starting_at(first, self.bytes, self.headers, name)
    }

    /// Where a slice of this message stands in it; `None` for a slice of something else.
    pub fn span_of(&self, part: &[u8]) -> Option<Span> {
        Span::find(part, self.bytes)
    }

    pub fn call_id(&self) -> &'a [u8] {
        self.parsed.call_id.of(self.bytes)
    }

    pub fn cseq(&self) -> CSeq<'a> {
        CSeq { number: self.parsed.cseq_number, method: self.parsed.cseq_method, method_bytes: self.parsed.cseq_method_span.of(self.bytes) }
    }

    /// `None` where the field is missing; values above 255 are refused by the parser.
    pub fn max_forwards(&self) -> Option<u8> {
        self.parsed.max_forwards
    }

    /// RFC 5393 §5.3.1. Outer `None`: not there; inner `None`: there, and no number. What is beyond 32 bits is `u32::MAX`.
    pub fn max_breadth(&self) -> Option<Option<u32>> {
        let digits = self.value(HeaderName::MaxBreadth)?;
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        Some(is_number.then(|| std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX)))
    }

    /// Checked by the parser; the URI inside is parsed by [`NameAddr::uri`].
    pub fn from(&self) -> NameAddr<'a> {
        self.parsed.from.view(self.bytes)
    }

    pub fn to(&self) -> NameAddr<'a> {
        self.parsed.to.view(self.bytes)
    }

    pub fn from_tag(&self) -> Option<&'a [u8]> {
        Some(self.parsed.from_tag.of(self.bytes)).filter(|tag| !tag.is_empty())
    }

    pub fn to_tag(&self) -> Option<&'a [u8]> {
        Some(self.parsed.to_tag.of(self.bytes)).filter(|tag| !tag.is_empty())
    }

    /// The topmost Via, checked by the parser.
    pub fn top_via(&self) -> Via<'a> {
        self.parsed.via.view(self.bytes)
    }

    /// Number of Via values over all lines; at least 1.
    pub fn via_count(&self) -> usize {
        self.parsed.via_count
    }

    /// Branch of the topmost Via; never empty.
    pub fn branch(&self) -> &'a [u8] {
        self.parsed.branch.of(self.bytes)
    }

    /// The branch is one of RFC 3261: unique, so that with sent-by and method it alone names the transaction (§17.2.3).
    pub fn has_unique_branch(&self) -> bool {
        crate::via::has_cookie(self.branch())
    }

    /// Branches of all Via values, topmost first; those that cannot be read are left out.
    pub fn branches(&self) -> impl Iterator<Item = &'a [u8]> + 'a {
        let below = self.values(HeaderName::Via).skip(1);
        std::iter::once(self.branch()).chain(below.filter_map(|value| Via::parse(value.bytes).ok().map(|via| via.branch())))
    }

    /// All Via values, topmost first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'a>, ParseError>> + 'a {
        self.values(HeaderName::Via).map(|value| Via::parse(value.bytes))
    }

    /// Values of Route, Record-Route or Contact; `*` of Contact is left out.
    pub fn addresses(&self, name: HeaderName) -> impl Iterator<Item = Result<NameAddr<'a>, ParseError>> + 'a {
        self.values(name).filter(|value| value.bytes != b"*").map(|value| NameAddr::parse(value.bytes))
    }

    /// Option tags of Proxy-Require, Require or Supported.
    pub fn option_tags(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.values(name).map(|value| value.bytes)
    }

    /// Empty where there is no Privacy field.
    pub fn privacy(&self) -> PrivacyTokens {
        PrivacyTokens::of(self)
    }

    pub fn reasons(&self) -> impl Iterator<Item = ReasonValue<'a>> + 'a {
        self.values(HeaderName::Reason).filter_map(|value: Value<'a>| ReasonValue::parse(value.bytes))
    }
}
