//! base64url without padding (RFC 4648 §5): what a token looks like in a URI parameter.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (index, byte)| word | u32::from(*byte) << (16 - 8 * index));
        for index in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * index)) as usize & 63]));
        }
    }
    out
}

/// `None` for foreign characters, a length no encoder makes, or bits beyond the last byte that are not zero.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut word = 0u32;
        for (index, letter) in chunk.iter().enumerate() {
            word |= u32::from(value_of(*letter)?) << (18 - 6 * index);
        }
        let count = chunk.len() - 1;
        if count < 3 && word << (8 + 8 * count) != 0 {
            return None;
        }
        out.extend_from_slice(&word.to_be_bytes()[1..=count]);
    }
    Some(out)
}

fn value_of(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
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
        for wrong in ["A", "AB=", "AB==", "A+/A", "AAAAA", "AB", "AAB"] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
