//! Where messages begin and end in a stream (RFC 3261 §18.3, §7.5; keep-alive of RFC 5626 §3.5.1, §4.4.1).
//!
//! Content-Length alone says where a message ends, so one that is missing, doubled or no number ends the stream: nobody knows where the next
//! message begins. What the message itself says is for the parser.

use memchr::memmem;

/// Header and body of one message, as for a datagram (`trunkline_message` refuses more).
pub const MAX_MESSAGE_BYTES: usize = 65_535;

const HEADER_END: &[u8] = b"\r\n\r\n";
const PING: &[u8] = b"\r\n\r\n";

/// What stands at the start of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A double CRLF between messages, 4 bytes: answered with one.
    Ping,
    /// This many bytes of blank lines and NULs before a message (§7.5; some clients keep alive so).
    Blank(usize),
    /// A message of this length.
    Message(usize),
    /// Not whole yet. No header ends before `scanned`.
    Partial { scanned: usize },
    /// Nothing after these bytes can be framed; they are what an answer may be made of.
    Broken { status: u16, what: &'static str, len: usize },
}

/// `scanned` is what an earlier `Partial` of the same bytes said, else 0.
pub fn frame(bytes: &[u8], scanned: usize) -> Frame {
    match bytes {
        [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return Frame::Partial { scanned: 0 },
        _ if bytes.starts_with(PING) => return Frame::Ping,
        [b'\r', b'\n', ..] => return Frame::Blank(2),
        [0, ..] => return Frame::Blank(bytes.iter().take_while(|byte| **byte == 0).count()),
        _ => {}
    }
    // The end may begin in what was looked at before.
    let from = scanned.saturating_sub(HEADER_END.len() - 1).min(bytes.len());
    let Some(at) = memmem::find(&bytes[from..], HEADER_END) else {
        return match bytes.len() {
            len if len > MAX_MESSAGE_BYTES => Frame::Broken { status: 513, what: "header longer than 65535 bytes", len },
            len => Frame::Partial { scanned: len },
        };
    };
    let header_len = from + at + HEADER_END.len();
    let body_len = match content_length(&bytes[..header_len - 2]) {
        Ok(body_len) => body_len,
        Err(what) => return Frame::Broken { status: 400, what, len: header_len },
    };
    match header_len.saturating_add(body_len) {
        len if len > MAX_MESSAGE_BYTES => Frame::Broken { status: 513, what: "message longer than 65535 bytes", len: header_len },
        len if len > bytes.len() => Frame::Partial { scanned: from + at },
        len => Frame::Message(len),
    }
}

/// The one Content-Length of a header section, each line with its CRLF.
fn content_length(header: &[u8]) -> Result<usize, &'static str> {
    let mut found = None;
    let mut lines = Lines { rest: header };
    // The start line.
    lines.next();
    for line in lines {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let name = line[..colon].trim_ascii_end();
        if !name.eq_ignore_ascii_case(b"Content-Length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let value = number(line[colon + 1..].trim_ascii()).ok_or("Content-Length is no number")?;
        if found.replace(value).is_some() {
            return Err("two Content-Length fields");
        }
    }
    found.ok_or("no Content-Length in a stream")
}

fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Header fields with their folds.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let mut end = 0;
        // Ends: each round goes past one more line feed.
        loop {
            match memchr::memchr(b'\n', &self.rest[end..]) {
                None => end = self.rest.len(),
                Some(at) => end += at + 1,
            }
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: &str = "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn a_message_ends_where_its_content_length_says_whatever_follows() {
        assert_eq!(frame(BYE.as_bytes(), 0), Frame::Message(BYE.len()));
        let two = [BYE, BYE].concat();
        assert_eq!(frame(two.as_bytes(), 0), Frame::Message(BYE.len()));
        for spelled in ["content-length:5", "l : 5", "L:\t005", "Content-Length:\r\n 5 "] {
            let text = BYE.replace("Content-Length: 5", spelled);
            assert_eq!(frame(text.as_bytes(), 0), Frame::Message(text.len()), "{spelled}");
        }
    }

    #[test]
    fn byte_by_byte_it_is_whole_with_its_last_byte_and_nothing_is_looked_at_twice() {
        let mut scanned = 0;
        for len in 0..BYE.len() {
            match frame(&BYE.as_bytes()[..len], scanned) {
                Frame::Partial { scanned: next } => {
                    assert!(next + 4 >= len.min(BYE.len() - "hello".len()), "{len}: {next}");
                    scanned = next;
                }
                other => panic!("{len}: {other:?}"),
            }
        }
        assert_eq!(frame(BYE.as_bytes(), scanned), Frame::Message(BYE.len()));
    }

    #[test]
    fn blank_lines_before_a_message_are_passed_over_and_a_double_one_is_a_ping() {
        assert_eq!(frame(b"\r\n\r\n", 0), Frame::Ping);
        assert_eq!(frame([b"\r\n\r\n", BYE.as_bytes()].concat().as_slice(), 0), Frame::Ping);
        assert_eq!(frame([b"\r\n", BYE.as_bytes()].concat().as_slice(), 0), Frame::Blank(2));
        assert_eq!(frame(b"\0\0\0\0BYE", 0), Frame::Blank(4));
        for begun in [&b""[..], b"\r", b"\r\n", b"\r\n\r"] {
            assert_eq!(frame(begun, 0), Frame::Partial { scanned: 0 });
        }
    }

    #[test]
    fn a_stream_ends_where_nobody_knows_the_next_message_begins() {
        let broken = |line: &str| {
            let text = BYE.replace("Content-Length: 5\r\n", line);
            match frame(text.as_bytes(), 0) {
                Frame::Broken { status, what, len } => {
                    assert_eq!(&text[len - 4..len], "\r\n\r\n");
                    (status, what)
                }
                other => panic!("{line}: {other:?}"),
            }
        };
        assert_eq!(broken(""), (400, "no Content-Length in a stream"));
        assert_eq!(broken("Content-Length: 5\r\nl: 5\r\n"), (400, "two Content-Length fields"));
        assert_eq!(broken("Content-Length: five\r\n"), (400, "Content-Length is no number"));
        assert_eq!(broken("Content-Length: +5\r\n"), (400, "Content-Length is no number"));
        assert_eq!(broken("Content-Length: 99999999999999999999999\r\n"), (400, "Content-Length is no number"));
        assert_eq!(broken("Content-Length: 65535\r\n"), (513, "message longer than 65535 bytes"));
        // Not a field of its own: a fold of another, or in the body.
        assert_eq!(broken("Subject: a\r\n Content-Length: 5\r\n"), (400, "no Content-Length in a stream"));
        let endless = "x".repeat(MAX_MESSAGE_BYTES + 1);
        assert!(matches!(frame(endless.as_bytes(), 0), Frame::Broken { status: 513, .. }));
        assert!(matches!(frame(&endless.as_bytes()[1..], 0), Frame::Partial { .. }));
    }
}
