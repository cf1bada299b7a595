//! Bounds of what is parsed. A message beyond one of them is refused, not cut.

/// A UDP datagram cannot be longer; also the bound for streams.
pub const MESSAGE_BYTES: usize = 65_535;
/// Real INVITEs have 15 to 40 header fields; the bound keeps the table's index in a byte.
pub const HEADERS: usize = 128;
/// One header field with its folds, or the start line. Identity (RFC 8224) and sealed routes stay well below it.
pub const LINE_BYTES: usize = 8_192;
/// Via values over all lines: more hops than that is a loop that Max-Forwards let through.
pub const VIAS: usize = 20;
/// Route or Record-Route values over all lines, for the same reason.
pub const ROUTES: usize = 20;
/// Parameters looked at in one value; iterators end there.
pub const PARAMS: usize = 64;
/// Call-ID, tags and branches are kept per call, so they are bounded apart from the line.
pub const IDENTIFIER_BYTES: usize = 512;
/// Digest parameters of one credentials value: RFC 7616 defines 11.
pub const CREDENTIAL_PARAMS: usize = 32;
