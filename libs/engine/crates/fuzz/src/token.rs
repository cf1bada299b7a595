//! The sealed token of our Record-Route: opened only as it was sealed, in the dialog and from the side for which it was.

use std::cell::RefCell;

use trunkline_transaction::{Disposition, MAX_TOKEN_LENGTH};

use crate::support::{alpha, from_carrier, from_customer, restarted, Bench, ALPHA, CUSTOMER};

/// What a call gave to both sides: a request of either with its token.
struct Dialog {
    from_customer: String,
    from_carrier: String,
}

thread_local! {
    /// Sealing a call anew for every input would be most of the work.
    static DIALOG: RefCell<Option<Dialog>> = const { RefCell::new(None) };
}

fn dialog() -> Dialog {
    let mut bench = Bench::new();
    let (ok, invite) = bench.answered(alpha());
    Dialog { from_customer: from_customer("INFO", 2, &ok.text, ""), from_carrier: from_carrier("INFO", 1, &invite.text, "") }
}

/// First byte: the side, and whether the token is changed or replaced by the rest.
pub fn run(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    DIALOG.with_borrow_mut(|known| {
        let dialog = known.get_or_insert_with(dialog);
        let (who, text) = match how & 1 {
            0 => (CUSTOMER, &dialog.from_customer),
            _ => (ALPHA, &dialog.from_carrier),
        };
        let start = text.find(";t=").expect("the request has a token") + ";t=".len();
        let len = text[start..].find('>').expect("it ends");
        let token = &text[start..start + len];
        assert!(len <= MAX_TOKEN_LENGTH);
        let other = match how & 2 {
            0 => changed(token, rest),
            _ => rest.iter().map(|byte| char::from(b'!' + byte % 94)).filter(|byte| !"<>\";?,@".contains(*byte)).collect(),
        };
        let is_same = other == token;
        // A sibling, which has only the token to go by.
        let mut bench = restarted();
        let disposition = bench.receive(who, &[&text[..start], &other, &text[start + len..]].concat());
        let is_served = matches!(disposition, Disposition::Done) && bench.sent.len() == 1;
        assert_eq!(is_served, is_same, "{token} changed to {other}: {disposition:?}");
    });
}

/// Pairs of bytes: where, and what is added to the character there.
fn changed(token: &str, changes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = token.as_bytes().to_vec();
    for pair in changes.chunks_exact(2) {
        let at = usize::from(pair[0]) % bytes.len();
        let index = ALPHABET.iter().position(|byte| *byte == bytes[at]).unwrap_or(0);
        bytes[at] = ALPHABET[(index + usize::from(pair[1])) % ALPHABET.len()];
    }
    String::from_utf8(bytes).expect("of the alphabet")
}
