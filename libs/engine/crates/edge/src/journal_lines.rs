//! Lines of the journal that are about something, found without reading the others: an edge looks through all that it writes.

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};

/// Whole lines with the needle, without their `\n`, in order; each once, however often it holds it.
pub fn lines_with<'a>(lines: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let finder = Finder::new(needle);
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = at + finder.find(lines.get(at..)?)?;
        let begin = memrchr(b'\n', &lines[..found]).map_or(0, |end| end + 1);
        let end = memchr(b'\n', &lines[found..]).map_or(lines.len(), |length| found + length);
        at = end + 1;
        Some(&lines[begin..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(lines: &'a str, needle: &'a str) -> Vec<&'a str> {
        lines_with(lines.as_bytes(), needle.as_bytes()).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect()
    }

    #[test]
    fn lines_are_found_whole_and_once() {
        let lines = "x first\nnone\nsecond x x\nlast x\n";
        assert_eq!(found(lines, "x"), ["x first", "second x x", "last x"]);
        assert_eq!(found(lines, "none"), ["none"]);
        assert_eq!(found(lines, "nobody"), [""; 0]);
    }

    #[test]
    fn a_last_line_without_its_end_counts() {
        assert_eq!(found("one\ntwo x", "x"), ["two x"]);
        assert_eq!(found("x", "x"), ["x"]);
        assert_eq!(found("", "x"), [""; 0]);
    }
}
