//! The framing of streams: however a stream is cut into reads, it gives the same messages.

use trunkline_edge::framing::{frame, Frame, MAX_MESSAGE_BYTES};

/// The first byte says how large the reads are.
pub fn run(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let whole = frames(stream, stream.len().max(1));
    let cut = frames(stream, usize::from(*size).max(1));
    assert_eq!(whole, cut, "cut into reads of {size} bytes");
}

/// Every frame of a stream that comes in reads of this size, as a connection keeps what is not whole yet.
fn frames(stream: &[u8], size: usize) -> Vec<Frame> {
    let mut found = Vec::new();
    let mut kept = Vec::new();
    let mut scanned = 0;
    for read in stream.chunks(size) {
        kept.extend_from_slice(read);
        // Ends: every frame but the last takes bytes.
        loop {
            let (taken, next) = match frame(&kept, scanned) {
                Frame::Partial { scanned } => {
                    assert!(scanned <= kept.len() && kept.len() <= MAX_MESSAGE_BYTES, "what is kept has a bound");
                    (None, scanned)
                }
                Frame::Ping => (Some((4, Frame::Ping)), 0),
                Frame::Blank(len) => (Some((len, Frame::Blank(len))), 0),
                Frame::Message(len) => {
                    assert!(len <= MAX_MESSAGE_BYTES);
                    (Some((len, Frame::Message(len))), 0)
                }
                broken @ Frame::Broken { .. } => {
                    // Where in the stream it broke depends on the read; that it did does not.
                    found.push(match broken {
                        Frame::Broken { status, what, .. } => Frame::Broken { status, what, len: 0 },
                        other => other,
                    });
                    return found;
                }
            };
            scanned = next;
            let Some((len, what)) = taken else { break };
            assert!(0 < len && len <= kept.len(), "{what:?} of {} bytes", kept.len());
            kept.drain(..len);
            // Blank lines and NULs are counted as they come.
            if !matches!(what, Frame::Blank(_)) {
                found.push(what);
            }
        }
    }
    found
}
