//! What is counted per source and minute instead of recorded one by one: unknown domains, malformed messages, floods. Challenges that nobody
//! answers are counted in `challenges`.
//!
//! Anybody can write a source into a datagram. So it is counted too how many were *proved*: came over a connection, or were followed by an
//! ACK with the tag that only the source was sent. Whoever is banned is banned for those (`docs/adr/0012-bans.md`).

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

/// Of what only scanners and misconfigured telephones send: all that is done about one whose source nobody can prove. A telephone that wants
/// to register tries once or twice a minute.
pub const MAX_SCANS_ANSWERED_PER_MINUTE: u64 = 30;

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
    /// What a trunk has no use for, of one of whom nothing is known: REGISTER and other methods of telephones.
    Scan,
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

    fn max_answers(self) -> u64 {
        if self == Self::Scan {
            MAX_SCANS_ANSWERED_PER_MINUTE
        } else {
            MAX_ANSWERS_PER_MINUTE
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownDomain => "unknown domain",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::OutOfDialog => "out of dialog",
            Self::Scan => "scan",
            Self::Shed => "shed",
            Self::Flood => "flood",
            Self::Banned => "banned",
        }
    }
}

/// One that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    pub source: IpAddr,
    pub what: What,
    /// It came over a connection, which only its source can have made.
    pub is_proved: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Number {
    all: u64,
    proved: u64,
}

/// The counts of the minute that runs.
#[derive(Debug, Default)]
pub struct Counts {
    minute_ns: u64,
    /// `None` is everyone beyond the bound.
    rows: HashMap<(Option<IpAddr>, What), Number>,
}

impl Counts {
    /// Counts one. Lines of a minute that is over are appended to `out` first.
    pub fn count(&mut self, now_ns: u64, one: Counting, lines: &mut FactLines, out: &mut Vec<u8>) {
        self.number(now_ns, one, || false, lines, out);
    }

    /// Whether any was counted in this minute.
    pub fn has(&self, source: IpAddr, what: What) -> bool {
        self.rows.contains_key(&(Some(source), what))
    }

    /// One that was counted in this minute has proved its source. More are not proved than there are.
    pub fn prove(&mut self, source: IpAddr, what: What) {
        if let Some(number) = self.rows.get_mut(&(Some(source), what)) {
            number.proved = number.all.min(number.proved + 1);
        }
    }

    /// The same, and says how many there are of this source in this minute. `is_known` is asked where few rows are left.
    fn number(&mut self, now_ns: u64, one: Counting, is_known: impl FnOnce() -> bool, lines: &mut FactLines, out: &mut Vec<u8>) -> u64 {
        self.flush_if_over(now_ns, lines, out);
        let key = (Some(one.source), one.what);
        let has_row = self.rows.len() < MAX_SOURCES || self.rows.contains_key(&key) || (self.rows.len() < MAX_ROWS && is_known());
        let number = self.rows.entry(if has_row { key } else { (None, one.what) }).or_default();
        number.all += 1;
        number.proved += u64::from(one.is_proved);
        number.all
    }

    /// Counts one and says whether it may be answered.
    pub fn may_answer(
        &mut self,
        now_ns: u64,
        one: Counting,
        is_known: impl FnOnce() -> bool,
        lines: &mut FactLines,
        out: &mut Vec<u8>,
    ) -> bool {
        self.number(now_ns, one, is_known, lines, out) <= one.what.max_answers()
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
        for ((source, what), number) in self.rows.drain().filter(|((_, what), number)| what.is_told(number.all)) {
            let source = source.map_or_else(|| "others".to_owned(), |source| source.to_string());
            let Number { all: number, proved } = number;
            let counted = Counted { source: &source, what: what.as_str(), number, minute_ns: self.minute_ns, proved, ..Counted::default() };
            lines.counted(out, now_ns, &counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn counting(source: IpAddr, what: What) -> Counting {
        Counting { source, what, is_proved: false }
    }

    #[test]
    fn no_more_are_proved_than_there_are_and_only_of_the_same_source_and_kind() {
        let (mut counts, mut lines, mut out) = (Counts::default(), FactLines::new("boot", 0), Vec::new());
        let [one, other] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        for _ in 0..3 {
            counts.count(MINUTE_NS, counting(one, What::UnknownDomain), &mut lines, &mut out);
        }
        counts.count(MINUTE_NS, Counting { is_proved: true, ..counting(other, What::Scan) }, &mut lines, &mut out);
        counts.prove(one, What::Scan);
        counts.prove(other, What::UnknownDomain);
        counts.prove(one, What::UnknownDomain);
        counts.prove(one, What::UnknownDomain);
        for _ in 0..5 {
            counts.prove(other, What::Scan);
        }
        counts.flush(2 * MINUTE_NS, &mut lines, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r#""source":"192.0.2.1","what":"unknown domain","number":3,"minute_ns":60000000000,"proved":2}"#), "{text}");
        assert!(text.contains(r#""source":"192.0.2.2","what":"scan","number":1,"minute_ns":60000000000,"proved":1}"#), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn a_flood_of_invented_sources_leaves_who_is_known_its_answers() {
        let (mut counts, mut lines, mut out) = (Counts::default(), FactLines::new("boot", 0), Vec::new());
        let mut may = |source: u32, is_known: bool| {
            let source = IpAddr::V4(Ipv4Addr::from_bits(source));
            counts.may_answer(MINUTE_NS, counting(source, What::OutOfDialog), || is_known, &mut lines, &mut out)
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
            let one = counting(IpAddr::V4(Ipv4Addr::from_bits(source)), What::Refused);
            counts.may_answer(MINUTE_NS, one, || true, &mut lines, &mut out);
        }
        assert_eq!(counts.rows.len(), MAX_ROWS + 1);
    }
}
