//! Branches of our Via: `z9hG4bKt<slot>.<generation>.<secret>.<loop>`.
//!
//! A response finds its client transaction by slot and generation, and is believed only when the whole branch is the one that was sent:
//! the secret part cannot be guessed. The loop part is RFC 5393 §4.2: a keyed hash of what decides where the request goes.

use trunkline_message::{numbers, HeaderName, Message};

use crate::entropy::{write_hex, Entropy};
use crate::slab::Key;

const PREFIX: &str = "z9hG4bKt";
/// Prefix, two numbers of up to 8 digits, 16 digits twice, three dots.
const BRANCH_LENGTH: usize = 60;

/// A branch for the client transaction `key` of a request whose loop part is `loop_part`.
pub(crate) fn make(entropy: &mut Entropy, key: Key, loop_part: &str) -> String {
    let mut head = Vec::with_capacity(BRANCH_LENGTH);
    head.extend_from_slice(PREFIX.as_bytes());
    for number in [key.slot, key.generation] {
        numbers::write_hexadecimal(number, &mut head);
        head.push(b'.');
    }
    // All of it is ASCII.
    let mut branch = String::from_utf8(head).unwrap_or_default();
    write_hex(&entropy.next::<8>(), &mut branch);
    branch.push('.');
    branch.push_str(loop_part);
    branch
}

/// A branch for a request that is forwarded without a transaction (ACK of a 2xx): the same for a retransmission (RFC 3261 §16.11).
pub(crate) fn make_stateless(entropy: &Entropy, incoming_branch: &[u8], loop_part: &str) -> String {
    let mut branch = String::from("z9hG4bKs");
    write_hex(&entropy.mark([incoming_branch]).to_be_bytes(), &mut branch);
    branch.push('.');
    branch.push_str(loop_part);
    branch
}

/// The key in a branch of ours; whether it is the branch that was sent is for the caller to compare.
pub(crate) fn key_of(branch: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(branch.strip_prefix(PREFIX.as_bytes())?).ok()?;
    let mut parts = text.split('.');
    let slot = u32::from_str_radix(parts.next()?, 16).ok()?;
    let generation = u32::from_str_radix(parts.next()?, 16).ok()?;
    Some(Key { slot, generation })
}

/// RFC 5393 §4.2: without Via and Max-Forwards, which differ in a loop, and without credentials.
pub(crate) fn loop_part(entropy: &Entropy, request: &Message<'_>) -> String {
    let cseq = request.cseq().number.to_be_bytes();
    let fixed: [&[u8]; 5] = [
        request.request_uri_bytes(),
        request.call_id(),
        request.from_tag().unwrap_or_default(),
        request.to_tag().unwrap_or_default(),
        &cseq,
    ];
    let lists = [HeaderName::Route, HeaderName::ProxyRequire].into_iter().flat_map(|name| request.values(name).map(|value| value.bytes));
    let mut text = String::with_capacity(16);
    write_hex(&entropy.mark(fixed.into_iter().chain(lists)).to_be_bytes(), &mut text);
    text
}

/// True where one of the request's Via values carries this loop part in a branch of ours.
pub(crate) fn is_loop(request: &Message<'_>, loop_part: &str) -> bool {
    request.branches().any(|branch| branch.starts_with(PREFIX.as_bytes()) && branch.ends_with(loop_part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_names_its_key_and_foreign_ones_none() {
        let mut entropy = Entropy::new(&[7; 32]);
        let key = Key { slot: 0x1f, generation: 3 };
        let branch = make(&mut entropy, key, "0011223344556677");
        assert_eq!(key_of(branch.as_bytes()), Some(key));
        for foreign in ["z9hG4bK-524287-1---", "z9hG4bKt", "z9hG4bKtzz.1.2", "z9hG4bKt1", ""] {
            assert_eq!(key_of(foreign.as_bytes()), None, "{foreign}");
        }
        assert_ne!(branch, make(&mut entropy, key, "0011223344556677"));
    }
}
