//! What is counted per source and minute instead of recorded one by one: unknown domains, malformed messages, floods. Challenges that nobody
//! answers are counted in `challenges`.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::fact_lines::{Counted, FactLines};

/// Sources counted in one minute; further ones share one row, so that spoofed sources cannot fill the memory.
const MAX_SOURCES: usize = 10_000;

/// Above them there is room for those of which something is known, whose answers a flood must not use up: a PBX takes an OPTIONS that is not
/// answered for the end of the trunk. 2 MiB, and 6 MiB of lines at the end of the minute.
const MAX_ROWS: usize = 4 * MAX_SOURCES;

/// Answers of one kind that a source gets in a minute; what it sends beyond is counted, and neither answered nor recorded. Spoofed floods are
/// then no use, and a PBX with a wrong address still gets five answers a second. Challenges have no such bound: who floods in a customer's
/// name must not silence them.
pub const MAX_ANSWERS_PER_MINUTE: u64 = 300;

const MINUTE_NS: u64 = 60_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// Domains that are nobody's, and those without an entry in any ACL: alike, so that they cannot be told apart.
    UnknownDomain,
    Malformed,
    /// Refused attempts at domains that are somebody's.
    Refused,
    /// What belongs to no dialog and is no INVITE; OPTIONS too.
    OutOfDialog,
    /// New calls turned away while the worker was behind.
    Shed,
    /// Not looked at: beyond the source's rate.
    Flood,
    /// Not looked at: banned.
    Banned,
}

impl What {
    /// Refused attempts have records of their own, as long as they are answered.
    fn is_told(self, number: u64) -> bool {
        number > if self == Self::Refused { MAX_ANSWERS_PER_MINUTE } else { 0 }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownDomain => "unknown domain",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::OutOfDialog => "out of dialog",
            Self::Shed => "shed",
            Self::Flood => "flood",
            Self::Banned => "banned",
        }
    }
}

/// The counts of the minute that runs.
#[derive(Debug, Default)]
pub struct Counts {
    minute_ns: u64,
    /// `None` is everyone beyond the bound.
    rows: HashMap<(Option<IpAddr>, What), u64>,
}

impl Counts {
    /// Counts one. Lines of a minute that is over are appended to `out` first.
    pub fn count(&mut self, now_ns: u64, source: IpAddr, what: What, lines: &mut FactLines, out: &mut Vec<u8>) {
        self.number(now_ns, source, what, || false, lines, out);
    }

    /// The same, and says how many there are of this source in this minute. `is_known` is asked where few rows are left.
    fn number(
        &mut self,
        now_ns: u64,
        source: IpAddr,
        what: What,
        is_known: impl FnOnce() -> bool,
        lines: &mut FactLines,
        out: &mut Vec<u8>,
    ) -> u64 {
        self.flush_if_over(now_ns, lines, out);
        let key = (Some(source), what);
        let has_row = self.rows.len() < MAX_SOURCES || self.rows.contains_key(&key) || (self.rows.len() < MAX_ROWS && is_known());
        let count = self.rows.entry(if has_row { key } else { (None, what) }).or_insert(0);
        *count += 1;
        *count
    }

    /// Counts one and says whether it may be answered.
    pub fn may_answer(
        &mut self,
        now_ns: u64,
        source: IpAddr,
        what: What,
        is_known: impl FnOnce() -> bool,
        lines: &mut FactLines,
        out: &mut Vec<u8>,
    ) -> bool {
        self.number(now_ns, source, what, is_known, lines, out) <= MAX_ANSWERS_PER_MINUTE
    }

    /// Appends the lines of a minute that is over.
    pub fn flush_if_over(&mut self, now_ns: u64, lines: &mut FactLines, out: &mut Vec<u8>) {
        let minute_ns = now_ns - now_ns % MINUTE_NS;
        if minute_ns != self.minute_ns {
            self.flush(now_ns, lines, out);
            self.minute_ns = minute_ns;
        }
    }

    /// Appends the lines of all that was counted and begins anew.
    pub fn flush(&mut self, now_ns: u64, lines: &mut FactLines, out: &mut Vec<u8>) {
        for ((source, what), number) in self.rows.drain().filter(|((_, what), number)| what.is_told(*number)) {
            let source = source.map_or_else(|| "others".to_owned(), |source| source.to_string());
            let counted = Counted { source: &source, what: what.as_str(), number, minute_ns: self.minute_ns, domain: "", tenant: "" };
            lines.counted(out, now_ns, &counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_flood_of_invented_sources_leaves_who_is_known_its_answers() {
        let (mut counts, mut lines, mut out) = (Counts::default(), FactLines::new("boot", 0), Vec::new());
        let mut may = |source: u32, is_known: bool| {
            let source = IpAddr::V4(Ipv4Addr::from_bits(source));
            counts.may_answer(MINUTE_NS, source, What::OutOfDialog, || is_known, &mut lines, &mut out)
        };
        for invented in 0..2 * MAX_SOURCES as u32 {
            may(0x0a00_0000 + invented, false);
        }
        assert!(!may(0xc000_0201, false), "those without a row share one");
        let answered = (0..2 * MAX_ANSWERS_PER_MINUTE).filter(|_| may(0xc000_0202, true)).count();
        assert_eq!(answered as u64, MAX_ANSWERS_PER_MINUTE);
    }

    #[test]
    fn there_is_an_end_to_the_rows_of_known_sources_too() {
        let (mut counts, mut lines, mut out) = (Counts::default(), FactLines::new("boot", 0), Vec::new());
        for source in 0..2 * MAX_ROWS as u32 {
            counts.may_answer(MINUTE_NS, IpAddr::V4(Ipv4Addr::from_bits(source)), What::Refused, || true, &mut lines, &mut out);
        }
        assert_eq!(counts.rows.len(), MAX_ROWS + 1);
    }
}
