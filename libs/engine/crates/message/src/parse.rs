//! From a datagram to spans (RFC 3261 §7, §18.3): framing first, then the fields without which nothing can be done.
//!
//! Strict where two readers could disagree (single fields that occur twice, lone CR or LF, NUL, a short body), tolerant of what the
//! grammar allows (folds, compact forms, blanks before the colon, leading zeros).

use memchr::{memchr, memchr3};

use crate::address::NameAddr;
use crate::error::ParseError;
use crate::limits;
use crate::message::{AddressSpans, Header, HeaderTable, Parsed, ViaSpans};
use crate::method::Method;
use crate::name::HeaderName;
use crate::params::Params;
use crate::span::Span;
use crate::text::{has_any, is_lws, is_token, trim};
use crate::uri::{Scheme, Uri};
use crate::values::Values;
use crate::via::Via;

/// True for what only keeps a binding alive: nothing, or CRLFs and NULs only (RFC 5626 §4.4.1 and what phones send instead).
pub fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// CRLFs before the start line are to be ignored (§7.5).
pub(crate) fn skip_leading_crlf(mut datagram: &[u8]) -> &[u8] {
    while let Some(rest) = datagram.strip_prefix(b"\r\n") {
        datagram = rest;
    }
    datagram
}

/// Fills the table and gives the bytes of the message. After an error the table holds what could be framed.
pub(crate) fn parse<'a>(datagram: &'a [u8], table: &mut HeaderTable) -> Result<&'a [u8], ParseError> {
    table.headers.clear();
    table.parsed = Parsed::default();
    let bytes = skip_leading_crlf(datagram);
    let skipped = datagram.len() - bytes.len();
    if bytes.len() > limits::MESSAGE_BYTES {
        return Err(ParseError::new("§18.1.1", limits::MESSAGE_BYTES, "message longer than 65535 bytes").with_status(513));
    }
    parse_message(bytes, table).map_err(|error| error.at(skipped))?;
    Ok(&bytes[..table.parsed.body.end as usize])
}

fn parse_message(bytes: &[u8], table: &mut HeaderTable) -> Result<(), ParseError> {
    let line_end = find_line_end(bytes, 0, "start line without CRLF")?;
    let start_line = parse_start_line(&bytes[..line_end], &mut table.parsed);
    // The fields are framed even so: they are what a 400 or 505 to this request is made of.
    let framing = parse_headers(bytes, line_end + 2, table);
    start_line.and(framing)?;
    check_single_fields(&table.headers)?;
    check_mandatory_fields(bytes, table)?;
    cut_body(bytes, table)
}

/// The CR of the CRLF that ends the line from `start`, folds not considered.
fn find_line_end(bytes: &[u8], start: usize, what: &'static str) -> Result<usize, ParseError> {
    let rest = &bytes[start..];
    match memchr3(b'\r', b'\n', 0, rest) {
        None if rest.len() > limits::LINE_BYTES => Err(too_long(start)),
        None => Err(ParseError::new("§7.5", bytes.len(), what)),
        Some(at) if at > limits::LINE_BYTES => Err(too_long(start)),
        Some(at) => match (rest[at], rest.get(at + 1)) {
            (b'\r', Some(b'\n')) => Ok(start + at),
            (0, _) => Err(ParseError::new("§25.1", start + at, "NUL in the header")),
            _ => Err(ParseError::new("§7.3.1", start + at, "CR or LF alone in the header")),
        },
    }
}

fn too_long(start: usize) -> ParseError {
    ParseError::new("§7.3", start, "line longer than 8192 bytes").with_status(513)
}

fn parse_start_line(line: &[u8], parsed: &mut Parsed) -> Result<(), ParseError> {
    if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
        parse_status_line(line, parsed)
    } else {
        parse_request_line(line, parsed)
    }
}

/// `SIP/2.0 180 Ringing`; the phrase and the blank before it may be missing (many do so, RFC 4475 §3.1.1.13 has no phrase).
fn parse_status_line(line: &[u8], parsed: &mut Parsed) -> Result<(), ParseError> {
    parsed.is_response = true;
    if !line[..7.min(line.len())].eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(ParseError::new("§7.2", 0, "response of another SIP version"));
    }
    match &line[7..] {
        [b' ', a @ b'1'..=b'6', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] if matches!(rest.first(), None | Some(b' ')) => {
            parsed.status = [a, b, c].into_iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
            parsed.target = Span::new(line.len().min(12), line.len());
            Ok(())
        }
        _ => Err(ParseError::new("§7.2", 7, "status code is not 100 to 699")),
    }
}

/// `INVITE sip:… SIP/2.0`, single blanks, nothing before or after (RFC 4475 §3.1.2.8 to §3.1.2.10).
fn parse_request_line(line: &[u8], parsed: &mut Parsed) -> Result<(), ParseError> {
    let bad = |offset, what| Err(ParseError::new("§7.1", offset, what));
    let Some(method_end) = memchr(b' ', line) else {
        return bad(0, "request line without blanks");
    };
    if !is_token(&line[..method_end]) {
        return bad(0, "method is no token");
    }
    parsed.method = Method::from_bytes(&line[..method_end]);
    parsed.method_span = Span::new(0, method_end);
    let uri_start = method_end + 1;
    let Some(uri_len) = memchr(b' ', &line[uri_start..]) else {
        return bad(uri_start, "request line without SIP version");
    };
    let uri_end = uri_start + uri_len;
    parsed.target = Span::new(uri_start, uri_end);
    let version = &line[uri_end + 1..];
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        let is_version = version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
            && version[4..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        let error = ParseError::new("§7.1", uri_end + 1, "SIP version is not 2.0");
        return Err(if is_version { error.with_status(505) } else { error });
    }
    let uri = Uri::parse(&line[uri_start..uri_end]).map_err(|error| error.at(uri_start))?;
    if matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && !uri.header_bytes.is_empty() {
        return Err(ParseError::new("§19.1.1", uri_start, "headers in the Request-URI"));
    }
    Ok(())
}

fn parse_headers(bytes: &[u8], start: usize, table: &mut HeaderTable) -> Result<(), ParseError> {
    table.parsed.headers_start = Span::new(start, start).start;
    let mut at = start;
    loop {
        if bytes[at..].starts_with(b"\r\n") {
            table.parsed.headers_end = Span::new(at, at).start;
            table.parsed.body = Span::new(at + 2, bytes.len());
            return Ok(());
        }
        if table.headers.len() == limits::HEADERS {
            return Err(ParseError::new("§7.3", at, "more than 128 header fields").with_status(513));
        }
        let header = parse_header(bytes, at)?;
        at = header.line.end as usize;
        table.headers.push(header);
        let first = &mut table.parsed.first[header.name as usize];
        if *first == 0 {
            // At most limits::HEADERS = 128.
            *first = table.headers.len() as u8;
        }
    }
}

/// One field with its folds: lines that start with a blank or tab belong to the one before (§7.3.1).
fn parse_header(bytes: &[u8], start: usize) -> Result<Header, ParseError> {
    let mut line_end = find_line_end(bytes, start, "header without the empty line that ends it")?;
    while matches!(bytes.get(line_end + 2), Some(b' ' | b'\t')) {
        line_end = find_line_end(bytes, line_end + 2, "header without the empty line that ends it")?;
        if line_end - start > limits::LINE_BYTES {
            return Err(too_long(start));
        }
    }
    let line = &bytes[start..line_end];
    let Some(colon) = memchr(b':', line) else {
        return Err(ParseError::new("§7.3.1", start, "header field without a colon"));
    };
    let name_len = line[..colon].iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
    let name = HeaderName::from_bytes(&line[..name_len]);
    if name == HeaderName::Other && !is_token(&line[..name_len]) {
        return Err(ParseError::new("§7.3.1", start, "name of a header field is no token"));
    }
    let value = trim(&line[colon + 1..]);
    let value_end = if value.is_empty() { line_end } else { start + colon + 1 + trimmed_end(&line[colon + 1..]) };
    Ok(Header {
        name,
        name_span: Span::new(start, start + name_len),
        value: Span::new(value_end - value.len(), value_end),
        line: Span::new(start, line_end + 2),
    })
}

fn trimmed_end(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| !is_lws(*byte)).map_or(0, |last| last + 1)
}

/// Fields of which two would leave it open which one counts.
fn check_single_fields(headers: &[Header]) -> Result<(), ParseError> {
    let mut seen = [false; HeaderName::COUNT];
    for header in headers {
        let what = match header.name {
            HeaderName::From => "two From fields",
            HeaderName::To => "two To fields",
            HeaderName::CallId => "two Call-ID fields",
            HeaderName::CSeq => "two CSeq fields",
            HeaderName::MaxForwards => "two Max-Forwards fields",
            HeaderName::ContentLength => "two Content-Length fields",
            _ => continue,
        };
        if std::mem::replace(&mut seen[header.name as usize], true) {
            return Err(ParseError::new("§7.3.1", header.line.start as usize, what));
        }
    }
    Ok(())
}

fn check_mandatory_fields(bytes: &[u8], table: &mut HeaderTable) -> Result<(), ParseError> {
    let HeaderTable { headers, parsed } = table;
    let end = parsed.headers_end as usize;
    let value = |name: HeaderName, what| match parsed.first[name as usize] {
        0 => Err(ParseError::new("§8.1.1", end, what)),
        index => Ok(headers[index as usize - 1].value),
    };
    let call_id = value(HeaderName::CallId, "no Call-ID")?;
    let cseq = value(HeaderName::CSeq, "no CSeq")?;
    let from = value(HeaderName::From, "no From")?;
    let to = value(HeaderName::To, "no To")?;
    value(HeaderName::Via, "no Via")?;

    check_identifier(call_id.of(bytes), "Call-ID is empty, too long or has blanks").map_err(|error| error.at(call_id.start as usize))?;
    parsed.call_id = call_id;
    parse_cseq(bytes, cseq, parsed)?;
    (parsed.from, parsed.from_tag) = check_address(bytes, from)?;
    (parsed.to, parsed.to_tag) = check_address(bytes, to)?;
    (parsed.via, parsed.branch, parsed.via_count) = check_vias(bytes, headers)?;
    for (name, what) in [(HeaderName::Route, "more than 20 Route values"), (HeaderName::RecordRoute, "more than 20 Record-Route values")] {
        if parsed.first[name as usize] != 0 && Values::new(bytes, headers, name).count() > limits::ROUTES {
            return Err(ParseError::new("§16.12", end, what));
        }
    }
    if let Some(header) = first(headers, parsed, HeaderName::MaxForwards) {
        let hops = parse_digits(header.value.of(bytes), 255);
        let error = ParseError::new("§20.22", header.value.start as usize, "Max-Forwards is not 0 to 255");
        parsed.max_forwards = Some(hops.and_then(|hops| u8::try_from(hops).ok()).ok_or(error)?);
    }
    Ok(())
}

fn first<'a>(headers: &'a [Header], parsed: &Parsed, name: HeaderName) -> Option<&'a Header> {
    usize::from(parsed.first[name as usize]).checked_sub(1).and_then(|index| headers.get(index))
}

fn check_identifier(bytes: &[u8], what: &'static str) -> Result<(), ParseError> {
    let is_good = !bytes.is_empty() && bytes.len() <= limits::IDENTIFIER_BYTES && !has_any(bytes, |byte| (byte <= b' ') | (byte == 0x7f));
    is_good.then_some(()).ok_or(ParseError::new("§8.1.1", 0, what))
}

/// `4711 INVITE`; below 2^31 (§8.1.1.5), the method that of the request.
fn parse_cseq(bytes: &[u8], span: Span, parsed: &mut Parsed) -> Result<(), ParseError> {
    let bad = |what| ParseError::new("§8.1.1.5", span.start as usize, what);
    let value = span.of(bytes);
    let digits_end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let number = parse_digits(&value[..digits_end], i32::MAX as u32).ok_or(bad("CSeq is not a number below 2^31"))?;
    let method = trim(&value[digits_end..]);
    if !is_token(method) || digits_end + method.len() == value.len() {
        return Err(bad("CSeq without a method"));
    }
    let method_span = Span::new(span.end as usize - method.len(), span.end as usize);
    if !parsed.is_response && method != parsed.method_span.of(bytes) {
        return Err(bad("method of CSeq is not that of the request"));
    }
    parsed.cseq_number = number;
    parsed.cseq_method = Method::from_bytes(method);
    parsed.cseq_method_span = method_span;
    Ok(())
}

/// From or To; gives its parts and the tag, empty where there is none.
fn check_address(bytes: &[u8], value: Span) -> Result<(AddressSpans, Span), ParseError> {
    let base = value.start as usize;
    let address = NameAddr::split(value.of(bytes)).map_err(|error| error.at(base))?;
    let params_start = value.end as usize - address.param_bytes.len();
    let tag = Params::scan(address.param_bytes, "tag").map_err(|error| error.at(params_start))?.unwrap_or_default();
    if !tag.is_empty() {
        check_identifier(tag, "tag is too long or has blanks").map_err(|error| error.at(params_start))?;
    }
    Ok((AddressSpans::of(&address, bytes), Span::find(tag, bytes).unwrap_or_default()))
}

/// Gives the topmost value, its branch and the number of values; the others are for those who wrote them.
fn check_vias(bytes: &[u8], headers: &[Header]) -> Result<(ViaSpans, Span, usize), ParseError> {
    let mut top = None;
    let mut number = 0;
    for (count, value) in Values::new(bytes, headers, HeaderName::Via).enumerate() {
        let base = Span::find(value.bytes, bytes).unwrap_or_default().start as usize;
        if count == limits::VIAS {
            return Err(ParseError::new("§16.3", base, "more than 20 Via values"));
        }
        if top.is_none() {
            let via = Via::split(value.bytes).map_err(|error| error.at(base))?;
            let params_start = base + value.bytes.len() - via.param_bytes.len();
            let text = Params::scan(via.param_bytes, "branch").map_err(|error| error.at(params_start))?.unwrap_or_default();
            check_identifier(text, "top Via without a branch, or with one too long").map_err(|error| error.at(base))?;
            top = Span::find(text, bytes).map(|branch| (ViaSpans::of(&via, bytes), branch));
        }
        number = count + 1;
    }
    top.map(|(via, branch)| (via, branch, number)).ok_or(ParseError::new("§8.1.1.7", 0, "Via is empty"))
}

/// Cuts the body to Content-Length; what follows it in a datagram is ignored, a body that is shorter is an error (§18.3).
fn cut_body(bytes: &[u8], table: &mut HeaderTable) -> Result<(), ParseError> {
    let Some(header) = first(&table.headers, &table.parsed, HeaderName::ContentLength) else {
        return Ok(());
    };
    let at = header.value.start as usize;
    let length = parse_digits(header.value.of(bytes), u32::MAX).ok_or(ParseError::new("§20.14", at, "Content-Length is no number"))?;
    let body = &mut table.parsed.body;
    if length as usize > body.len() {
        return Err(ParseError::new("§18.3", at, "body is shorter than Content-Length"));
    }
    body.end = body.start + length;
    Ok(())
}

/// Decimal digits, leading zeros allowed, at most `max`. `None` for anything else.
pub(crate) fn parse_digits(bytes: &[u8], max: u32) -> Option<u32> {
    if bytes.is_empty() {
        return None;
    }
    let mut number: u32 = 0;
    for byte in bytes {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u32::from(byte - b'0')).filter(|number| *number <= max)?;
    }
    Some(number)
}
