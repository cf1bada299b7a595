//! CSeq numbers of one direction of a dialog (RFC 3261 §12.2.1.1), with those of requests of our own in between.

use crate::saved::Writer;
use crate::token_parts::Reader;

/// The sender counts on without knowing of our requests. Where one was refused the dialog goes on, and what the sender says later is passed
/// on with higher numbers: §12.2.2 has the receiver refuse a number that it had from us.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbering {
    /// As the sender counts.
    highest: u32,
    /// After which of the sender's numbers a request of ours stands, one entry each; at most `MAX_OWN`.
    ours: Vec<u32>,
    /// Numbers of the sender that may have gone by another edge while this one was away: ours are so much higher.
    gap: u32,
}

/// Requests of our own in one direction of one call: each is a hang-up that both sides refused.
const MAX_OWN: usize = 16;
/// §8.1.1.5.
const LAST: u32 = (1 << 31) - 1;
/// The highest number that a side may use: above it is room for ours, so that no side makes itself one that cannot be hung up.
pub(super) const HIGHEST: u32 = LAST - MAX_OWN as u32;
/// Requests of one side while an edge is away: re-INVITEs of a session timer of 90 s for a day (RFC 4028).
const GAP: u32 = 1_000;
/// Of an edge that was away often.
const MAX_GAP: u32 = 64_000;

impl Numbering {
    pub fn write(&self, out: &mut Writer) {
        out.u32(self.highest);
        out.u32(self.ours.len() as u32);
        self.ours.iter().for_each(|before| out.u32(*before));
        out.u32(self.gap);
    }

    pub fn read(saved: &mut Reader<'_>) -> Option<Self> {
        let (highest, ours) = (saved.u32()?, saved.list(Reader::u32)?);
        Some(Self { highest, ours, gap: saved.u32()?.saturating_add(GAP).min(MAX_GAP) })
    }

    pub fn starting_at(highest: u32) -> Self {
        Self { highest, ours: Vec::new(), gap: 0 }
    }

    pub fn highest(&self) -> u32 {
        self.highest
    }

    pub fn see(&mut self, number: u32) {
        self.highest = self.highest.max(number);
    }

    pub fn has_ours(&self) -> bool {
        !self.ours.is_empty()
    }

    /// By how much a request with this number of the sender's is raised.
    pub fn shift_of(&self, number: u32) -> u32 {
        // At most MAX_OWN.
        match self.ours.iter().filter(|before| **before < number).count() as u32 {
            0 => 0,
            ours => ours + self.gap,
        }
    }

    /// The number of the next request of our own; `None` beyond the bounds.
    pub fn take(&mut self) -> Option<u32> {
        self.gap = self.gap.min(HIGHEST.saturating_sub(self.highest));
        let number = self.highest.checked_add(self.ours.len() as u32 + 1 + self.gap).filter(|number| *number <= LAST)?;
        if self.ours.len() >= MAX_OWN {
            return None;
        }
        self.ours.push(self.highest);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sender_says_after_a_request_of_ours_is_raised_and_what_came_before_is_not() {
        let mut numbers = Numbering::starting_at(7);
        assert_eq!((numbers.shift_of(8), numbers.take(), numbers.take()), (0, Some(8), Some(9)));
        assert_eq!((numbers.shift_of(7), numbers.shift_of(8)), (0, 2));
        numbers.see(8);
        assert_eq!((numbers.take(), numbers.shift_of(8), numbers.shift_of(9)), (Some(11), 2, 3));
    }

    #[test]
    fn one_that_was_away_leaves_room_for_what_it_has_not_heard_as_far_as_there_is_any() {
        let next_life = |numbers: &Numbering| {
            let mut out = Writer::default();
            numbers.write(&mut out);
            Numbering::read(&mut Reader(&out.0)).unwrap()
        };
        let mut numbers = next_life(&Numbering::starting_at(7));
        assert_eq!((numbers.take(), numbers.shift_of(7), numbers.shift_of(9)), (Some(1_008), 0, 1_001));
        assert_eq!(next_life(&numbers).shift_of(9), 2_001);
        let mut numbers = next_life(&Numbering::starting_at(HIGHEST - 2));
        assert_eq!(numbers.take(), Some(HIGHEST + 1));
        let mut numbers = (0..100).fold(Numbering::starting_at(0), |numbers, _| next_life(&numbers));
        assert_eq!(numbers.take(), Some(MAX_GAP + 1));
    }

    #[test]
    fn there_is_no_number_beyond_the_last_and_no_end_of_tries() {
        assert_eq!(Numbering::starting_at(LAST).take(), None);
        let mut numbers = Numbering::default();
        assert_eq!((0..100).filter_map(|_| numbers.take()).count(), MAX_OWN);
    }
}
