//! Of which of a domain's calls the messages are captured though they go well.

/// None by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    /// Of a hundred calls.
    pub percent: u8,
    /// Unix seconds.
    pub until_s: u64,
}

impl Capture {
    /// Whether a call is among them; `draw` is evenly spread.
    #[must_use]
    pub fn takes(self, draw: u128, now_s: u64) -> bool {
        self.percent > 0 && now_s < self.until_s && draw % 100 < u128::from(self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_hundred_are_taken_until_its_time_is_over() {
        let taken = |percent, now_s| (0..1_000).filter(|draw| Capture { percent, until_s: 100 }.takes(*draw, now_s)).count();
        assert_eq!((taken(0, 50), taken(1, 50), taken(30, 99), taken(100, 99)), (0, 10, 300, 1_000));
        assert_eq!((taken(100, 100), taken(100, u64::MAX)), (0, 0));
    }
}
