//! A range of bytes in a received buffer.

/// Half-open byte range `start..end` into [`crate::Message::bytes`]. 32 bits suffice: a message is at most 64 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Both ends must be at most `u32::MAX`, which [`crate::limits::MESSAGE_BYTES`] ensures for parsed messages.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= u32::MAX as usize);
        Span { start: start as u32, end: end as u32 }
    }

    /// Where a slice of `bytes` stands in it; `None` for a slice of something else.
    pub(crate) fn find(part: &[u8], bytes: &[u8]) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        (end <= bytes.len()).then(|| Span::new(start, end))
    }

    /// The bytes it covers; empty where the span is not of this buffer.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}
