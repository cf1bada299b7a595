//! base64url without padding (RFC 4648 §5) but for two letters: what a token looks like in a URI parameter.

/// `.` and `~` in place of `Q` and `q` (all are `unreserved`, RFC 3261 §25.1): no token may spell `CSeq`. SIPp 3.6 takes the first place in a
/// message that does for the header, and gave up one call of 24,000.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOP.RSTUVWXYZabcdefghijklmnop~rstuvwxyz0123456789-_";

pub(crate) fn encode(bytes: &[u8]) -> String {
    let letters_of = |word: u32| [18, 12, 6, 0].map(|shift| ALPHABET[(word >> shift) as usize & 63]);
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    let mut chunks = bytes.chunks_exact(3);
    for chunk in chunks.by_ref() {
        out.extend_from_slice(&letters_of(u32::from(chunk[0]) << 16 | u32::from(chunk[1]) << 8 | u32::from(chunk[2])));
    }
    match *chunks.remainder() {
        [a] => out.extend_from_slice(&letters_of(u32::from(a) << 16)[..2]),
        [a, b] => out.extend_from_slice(&letters_of(u32::from(a) << 16 | u32::from(b) << 8)[..3]),
        _ => {}
    }
    // The alphabet is ASCII.
    String::from_utf8(out).unwrap_or_default()
}

/// `None` for foreign characters, a length no encoder makes, or bits beyond the last byte that are not zero.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let mut chunks = text.chunks_exact(4);
    for chunk in chunks.by_ref() {
        let values = [chunk[0], chunk[1], chunk[2], chunk[3]].map(value_of);
        if values.contains(&FOREIGN) {
            return None;
        }
        let word = values.into_iter().fold(0, |word, value| word << 6 | u32::from(value));
        out.extend_from_slice(&word.to_be_bytes()[1..]);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut word = 0u32;
        for (index, letter) in rest.iter().enumerate() {
            let value = Some(value_of(*letter)).filter(|value| *value != FOREIGN)?;
            word |= u32::from(value) << (18 - 6 * index);
        }
        let count = rest.len() - 1;
        if count == 0 || word << (8 + 8 * count) != 0 {
            return None;
        }
        out.extend_from_slice(&word.to_be_bytes()[1..=count]);
    }
    Some(out)
}

/// In `VALUES` for a character that is no letter of the alphabet.
const FOREIGN: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [FOREIGN; 256];
    let mut index = 0;
    while index < ALPHABET.len() {
        values[ALPHABET[index] as usize] = index as u8;
        index += 1;
    }
    values
};

fn value_of(letter: u8) -> u8 {
    VALUES[usize::from(letter)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded_and_nothing_else() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            assert_eq!(decode(encode(&bytes[..length]).as_bytes()).as_deref(), Some(&bytes[..length]));
        }
        assert_eq!(encode(b"\xfb\xff\xfe"), "-__-");
        assert_eq!(encode(&[0x09, 0x27, 0xaa]), "CSe~");
        for wrong in ["CSeq", "A", "AB=", "AB==", "A+/A", "AAAAA", "AB", "AAB"] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
