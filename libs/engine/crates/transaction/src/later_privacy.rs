//! Privacy that is asked for after the INVITE: by the customer in a later request or in a response, or by the called side in any message
//! (RFC 3323 §4.2, §5; RFC 3325 §7).
//!
//! More is taken, less is not: what the INVITE asked for holds for the call. From, To and Contact stay as the other side has them, for it has
//! been shown them in this dialog.

use std::borrow::Cow;

use trunkline_message::{HeaderName, Message};

use crate::forward::Identity;

/// The identity as it is shown with this message of the customer, which is not the call's first INVITE.
pub(crate) fn shown_with<'a>(identity: &'a Identity, message: &Message<'_>) -> Cow<'a, Identity> {
    if identity.is_anonymous || !message.has(HeaderName::Privacy) {
        return Cow::Borrowed(identity);
    }
    let asked = message.privacy();
    let words = [(asked.is_id, "id"), (asked.is_user, "user"), (asked.is_header, "header")];
    let mut all: Vec<&str> = identity.privacy.split(';').filter(|word| !matches!(*word, "" | "none")).collect();
    let known = all.len();
    all.extend(
        words
            .into_iter()
            .filter(|(is_asked, word)| *is_asked && !identity.privacy.split(';').any(|known| known == *word))
            .map(|(_, word)| word),
    );
    if all.len() == known {
        return Cow::Borrowed(identity);
    }
    Cow::Owned(match identity.is_trusted {
        true => Identity { privacy: all.join(";"), ..identity.clone() },
        // As of an INVITE that asks for it (identity.py): who is outside the trust domain is told nothing.
        false => Identity { asserted: Vec::new(), privacy: String::new(), is_private: true, ..identity.clone() },
    })
}

/// A header in which a user tells of himself beside his address (RFC 3323 §4.1, §5.3).
pub(crate) fn tells_of_its_user(name: HeaderName) -> bool {
    matches!(
        name,
        HeaderName::ReplyTo
            | HeaderName::Subject
            | HeaderName::CallInfo
            | HeaderName::Organization
            | HeaderName::InReplyTo
            | HeaderName::UserAgent
            | HeaderName::Server
    )
}

/// The called side asks not to be told of.
pub(crate) fn is_user_asked(message: &Message<'_>) -> bool {
    message.has(HeaderName::Privacy) && message.privacy().is_user
}
