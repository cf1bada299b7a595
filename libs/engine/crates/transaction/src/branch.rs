//! Branches of our Via: `z9hG4bKt<worker><slot>.<generation>.<secret>.<loop>`. The worker is a letter that is no digit of the slot, and left
//! out for the first: [`WORKER_LETTERS`]. The kernel looks for it too (`crates/edge`, steering).
//!
//! A response finds its client transaction by slot and generation, and is believed only when the whole branch is the one that was sent:
//! the secret part cannot be guessed. The loop part is RFC 5393 §4.2: a keyed hash of what decides where the request goes.

use trunkline_message::{numbers, HeaderName, Message};

use crate::entropy::{write_hex, Entropy};
use crate::slab::Key;

const PREFIX: &str = "z9hG4bKt";
/// Prefix, two numbers of up to 8 digits, 16 digits twice, three dots.
const BRANCH_LENGTH: usize = 60;

/// Of the second worker, the third, and so on.
pub const WORKER_LETTERS: &[u8; 15] = b"ghijklmnopqrsuv";

/// The worker in a branch of ours.
pub(crate) fn worker_of(branch: &[u8]) -> Option<u8> {
    let first = *branch.strip_prefix(PREFIX.as_bytes())?.first()?;
    let index = WORKER_LETTERS.iter().position(|letter| *letter == first).map_or(0, |index| index + 1);
    u8::try_from(index).ok()
}

/// A branch for the client transaction `key` of a request whose loop part is `loop_part`.
pub(crate) fn make(entropy: &mut Entropy, worker: u8, key: Key, loop_part: &str) -> String {
    let mut head = Vec::with_capacity(BRANCH_LENGTH);
    head.extend_from_slice(PREFIX.as_bytes());
    head.extend(usize::from(worker).checked_sub(1).and_then(|index| WORKER_LETTERS.get(index)));
    for number in [key.slot, key.generation] {
        numbers::write_hexadecimal(number, &mut head);
        head.push(b'.');
    }
    // All of it is ASCII.
    let mut branch = String::from_utf8(head).unwrap_or_default();
    write_hex(entropy.next(), &mut branch);
    branch.push('.');
    branch.push_str(loop_part);
    branch
}

/// A branch for a request that is forwarded without a transaction (ACK of a 2xx): the same for a retransmission (RFC 3261 §16.11).
pub(crate) fn make_stateless(entropy: &Entropy, incoming_branch: &[u8], loop_part: &str) -> String {
    let mut branch = String::from("z9hG4bKs");
    write_hex(entropy.mark([incoming_branch]).to_be_bytes(), &mut branch);
    branch.push('.');
    branch.push_str(loop_part);
    branch
}

/// The key in a branch of this worker; whether it is the branch that was sent is for the caller to compare.
pub(crate) fn key_of(branch: &[u8], worker: u8) -> Option<Key> {
    let rest = branch.strip_prefix(PREFIX.as_bytes())?;
    let rest = match usize::from(worker).checked_sub(1) {
        None => rest,
        Some(index) => rest.strip_prefix(WORKER_LETTERS.get(index..=index)?)?,
    };
    let text = std::str::from_utf8(rest).ok()?;
    let mut parts = text.split('.');
    let slot = u32::from_str_radix(parts.next()?, 16).ok()?;
    let generation = u32::from_str_radix(parts.next()?, 16).ok()?;
    Some(Key { slot, generation })
}

/// What may be branches of client transactions of ours in a text that may end anywhere; one that is cut is among them, and is none.
pub(crate) fn all_in(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = (0..text.len()).filter(|at| text[*at..].starts_with(PREFIX.as_bytes()));
    starts.map(|at| {
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'.';
        let length = text[at..].iter().take_while(is_part).count();
        &text[at..at + length]
    })
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
    write_hex(entropy.mark(fixed.into_iter().chain(lists)).to_be_bytes(), &mut text);
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
        let mut entropy = Entropy::new(&[7; 32], 0);
        let key = Key { slot: 0x1f, generation: 3 };
        let branch = make(&mut entropy, 0, key, "0011223344556677");
        assert_eq!(key_of(branch.as_bytes(), 0), Some(key));
        for foreign in ["z9hG4bK-524287-1---", "z9hG4bKt", "z9hG4bKtzz.1.2", "z9hG4bKt1", ""] {
            assert_eq!(key_of(foreign.as_bytes(), 0), None, "{foreign}");
        }
        assert_ne!(branch, make(&mut entropy, 0, key, "0011223344556677"));
    }

    #[test]
    fn branches_are_found_in_what_is_left_of_a_message() {
        let text =
            b"INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKt1.0.aa.bb;rport\r\nv: SIP/2.0/UDP h;branch=z9hG4bKtg2.0.cc.dd";
        let found = |text: &[u8]| all_in(text).map(|branch| String::from_utf8_lossy(branch).into_owned()).collect::<Vec<_>>();
        assert_eq!(found(text), ["z9hG4bKt1.0.aa.bb", "z9hG4bKtg2.0.cc.dd"]);
        assert_eq!(found(&text[..text.len() - 1]), ["z9hG4bKt1.0.aa.bb", "z9hG4bKtg2.0.cc.d"]);
        assert_eq!(found(b"z9hG4bK"), [""; 0]);
        assert_eq!(found(b""), [""; 0]);
    }

    #[test]
    fn a_branch_names_its_worker_and_is_a_key_for_no_other() {
        let mut entropy = Entropy::new(&[7; 32], 0);
        let key = Key { slot: 0xa1f, generation: 3 };
        for worker in 0..crate::config::MAX_WORKERS {
            let branch = make(&mut entropy, worker, key, "0011223344556677");
            assert_eq!(worker_of(branch.as_bytes()), Some(worker), "{branch}");
            for other in 0..crate::config::MAX_WORKERS {
                assert_eq!(key_of(branch.as_bytes(), other), (other == worker).then_some(key), "{branch}");
            }
        }
        assert_eq!(worker_of(b"z9hG4bK-524287-1---"), None);
    }
}
