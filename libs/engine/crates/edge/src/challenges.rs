//! Challenges that nobody has answered: per source, domain and minute. Who answers one well takes it out again.
//!
//! A minute is told some seconds after it is over, so that a challenge of its last moment still finds its answer.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::fact_lines::{Counted, FactLines};

/// Rows of a minute, one for each source and domain; further ones share one, so that spoofed sources cannot fill the memory. 2 MiB.
const MAX_ROWS: usize = 10_000;

/// How long after the end of its minute a challenge may still be answered without having been told as unanswered: a client signs and sends again
/// at once, and over UDP once more after half a second, a second and two.
const PATIENCE_NS: u64 = 5_000_000_000;

const MINUTE_NS: u64 = 60_000_000_000;

#[derive(Debug, PartialEq, Eq)]
struct Row {
    tenant: String,
    domain: String,
    number: u64,
}

/// `None` is everyone beyond the bound, whose domain is not kept either.
#[derive(Debug, Default)]
struct Minute {
    start_ns: u64,
    rows: HashMap<Option<IpAddr>, Vec<Row>>,
    count: usize,
}

impl Minute {
    fn row(&mut self, source: IpAddr, domain: &str) -> Option<&mut Row> {
        self.rows.get_mut(&Some(source))?.iter_mut().find(|row| row.domain == domain)
    }

    fn add(&mut self, source: IpAddr, tenant: &str, domain: &str) {
        if let Some(row) = self.row(source, domain) {
            row.number += 1;
            return;
        }
        let (source, tenant, domain) = if self.count < MAX_ROWS { (Some(source), tenant, domain) } else { (None, "", "") };
        let rows = self.rows.entry(source).or_default();
        match rows.first_mut() {
            Some(shared) if source.is_none() => shared.number += 1,
            _ => {
                rows.push(Row { tenant: tenant.to_owned(), domain: domain.to_owned(), number: 1 });
                self.count += 1;
            }
        }
    }

    /// Whether one of these was taken out.
    fn take(&mut self, source: IpAddr, domain: &str) -> bool {
        match self.row(source, domain) {
            Some(row) if row.number > 0 => {
                row.number -= 1;
                true
            }
            _ => false,
        }
    }

    fn tell(&mut self, now_ns: u64, lines: &mut FactLines, out: &mut Vec<u8>) {
        for (source, rows) in self.rows.drain() {
            let source = source.map_or_else(|| "others".to_owned(), |source| source.to_string());
            for Row { tenant, domain, number } in rows.iter().filter(|row| row.number > 0) {
                let counted =
                    Counted { source: &source, what: "challenge", number: *number, minute_ns: self.start_ns, domain, tenant, proved: 0 };
                lines.counted(out, now_ns, &counted);
            }
        }
        self.count = 0;
    }
}

#[derive(Debug, Default)]
pub struct Challenges {
    now: Minute,
    /// The minute before, until its last challenges had their time.
    before: Minute,
}

impl Challenges {
    /// Counts one. Lines of a minute that is over are appended to `out` first.
    pub fn sent(&mut self, now_ns: u64, source: IpAddr, tenant: &str, domain: &str, lines: &mut FactLines, out: &mut Vec<u8>) {
        self.tell_if_over(now_ns, lines, out);
        self.now.add(source, tenant, domain);
    }

    /// One of this source was answered well: the oldest that may still be.
    pub fn answered(&mut self, source: IpAddr, domain: &str) {
        let _ = self.before.take(source, domain) || self.now.take(source, domain);
    }

    pub fn tell_if_over(&mut self, now_ns: u64, lines: &mut FactLines, out: &mut Vec<u8>) {
        let start_ns = now_ns - now_ns % MINUTE_NS;
        if start_ns != self.now.start_ns {
            self.before.tell(now_ns, lines, out);
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.start_ns = start_ns;
        }
        if self.before.count > 0 && now_ns >= self.before.start_ns + MINUTE_NS + PATIENCE_NS {
            self.before.tell(now_ns, lines, out);
        }
    }

    /// All that there is, at the end.
    pub fn tell(&mut self, now_ns: u64, lines: &mut FactLines, out: &mut Vec<u8>) {
        self.before.tell(now_ns, lines, out);
        self.now.tell(now_ns, lines, out);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn source(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + number))
    }

    struct Bench {
        challenges: Challenges,
        lines: FactLines,
        out: Vec<u8>,
    }

    impl Bench {
        fn new() -> Self {
            Self { challenges: Challenges::default(), lines: FactLines::new("boot", 0), out: Vec::new() }
        }

        fn sent(&mut self, at_s: u64, number: u32, domain: &str) {
            self.challenges.sent(at_s * SECOND_NS, source(number), &format!("of {domain}"), domain, &mut self.lines, &mut self.out);
        }

        fn told(&mut self, at_s: u64) -> Vec<String> {
            self.challenges.tell_if_over(at_s * SECOND_NS, &mut self.lines, &mut self.out);
            let text = String::from_utf8(std::mem::take(&mut self.out)).unwrap();
            let mut lines: Vec<String> = text.lines().map(|line| line[line.find("\"counted\"").unwrap()..].to_owned()).collect();
            lines.sort();
            lines
        }
    }

    #[test]
    fn what_nobody_answers_is_told_with_its_domain_after_its_minute() {
        let mut bench = Bench::new();
        bench.sent(61, 1, "acme");
        bench.sent(62, 1, "acme");
        bench.sent(63, 1, "globex");
        bench.sent(64, 2, "acme");
        bench.challenges.answered(source(2), "acme");
        assert_eq!(bench.told(124), Vec::<String>::new());
        let told = bench.told(125);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains(r#""number":1,"minute_ns":60000000000,"domain":"globex","tenant":"of globex""#), "{told:?}");
        assert!(told[1].contains(r#""number":2,"minute_ns":60000000000,"domain":"acme","tenant":"of acme""#), "{told:?}");
        assert_eq!(bench.told(200), Vec::<String>::new());
    }

    #[test]
    fn a_challenge_of_a_minutes_last_moment_is_answered_in_the_next() {
        let mut bench = Bench::new();
        bench.sent(119, 1, "acme");
        bench.sent(120, 1, "acme");
        for _ in 0..3 {
            bench.challenges.answered(source(1), "acme");
        }
        assert_eq!(bench.told(300), Vec::<String>::new());
    }

    #[test]
    fn an_answer_at_one_domain_is_none_at_another() {
        let mut bench = Bench::new();
        bench.sent(60, 1, "acme");
        bench.challenges.answered(source(1), "globex");
        assert_eq!(bench.told(200).len(), 1);
    }

    #[test]
    fn there_is_an_end_to_the_rows() {
        let mut bench = Bench::new();
        for number in 0..2 * MAX_ROWS as u32 {
            bench.sent(60, number, "acme");
        }
        assert_eq!(bench.challenges.now.count, MAX_ROWS + 1);
        let told = bench.told(200);
        assert_eq!(told.len(), MAX_ROWS + 1);
        assert!(told.iter().any(|line| line.contains(r#""source":"others","what":"challenge","number":10000,"#)));
    }
}
