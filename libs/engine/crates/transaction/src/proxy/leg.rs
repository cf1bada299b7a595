//! What a request of a dialog is forwarded by, made of the token and, where it is still there, of the call's row.

use std::sync::Arc;

use trunkline_message::Message;

use crate::action::Flow;
use crate::forward::{self, Identity, Own};
use crate::plan::CallId;
use crate::renumber::Raise;
use crate::token::{FromForm, PrivacyForm, Side, Token};

use super::call::Call;
use super::phase::Phase;

/// What the sides of a call see of each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    pub is_hidden: bool,
    pub shows_callee: bool,
}

/// What a forwarded request of the dialog needs: made of the token and, where it is still there, the call's row.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    /// Who sent the request.
    pub side: Side,
    pub call: CallId,
    pub next_hop: Flow,
    /// For what is too large for UDP, by which `next_hop` is.
    pub large_listener: Option<u16>,
    pub identity: Arc<Identity>,
    /// For the carrier's requests.
    pub own: Own,
    pub sight: Sight,
    pub answered_ns: u64,
    /// BYEs of ours that were refused stand before it.
    pub raise: Raise,
    /// The dialog of the call, as far as we know: its BYE ends the call, where no other of its dialogs is over by then.
    pub is_main: bool,
    pub dialogs_over: u8,
}

/// The row knows more than the token: display names, where the customer is now, when it was answered.
pub(super) fn leg_of(token: &Token, call: Option<&Call>, request: &Message<'_>, is_main: bool, realm: &str) -> Leg {
    let next_hop = match (token.side, call) {
        (Side::Carrier, Some(call)) => call.customer,
        _ => token.next_hop,
    };
    let own = match (token.side, call) {
        (Side::Carrier, Some(call)) => own_of(call),
        (Side::Carrier, None) => Own { to_address: dialled(token, request, realm), ..Own::default() },
        (Side::Customer, _) => Own::default(),
    };
    Leg {
        side: token.side,
        call: token.call,
        next_hop,
        large_listener: None,
        identity: call.map_or_else(|| Arc::new(identity_of(token, request, realm)), |call| Arc::clone(&call.identity)),
        own,
        sight: Sight { is_hidden: token.is_hidden, shows_callee: token.shows_callee },
        answered_ns: call.map_or_else(|| token.answered_ns(), |call| call.answered_ns),
        // No request of ours stands before the carrier's in another dialog.
        raise: call
            .filter(|_| is_main || token.side == Side::Customer)
            .map_or_else(Raise::default, |call| call.raise_of(token.side, request)),
        dialogs_over: call.map_or(0, |call| call.dialogs_over),
        is_main: is_main && call.is_none_or(|call| matches!(call.phase, Phase::Answered | Phase::Closing)),
    }
}

pub(super) fn callee_tag<'a>(side: Side, request: &Message<'a>) -> Option<&'a [u8]> {
    match side {
        Side::Customer => request.to_tag(),
        Side::Carrier => request.from_tag(),
    }
}

fn own_of(call: &Call) -> Own {
    let hidden = |bytes: &Vec<u8>| if call.identity.is_anonymous { bytes.clone() } else { Vec::new() };
    Own { from_address: call.caller_address.clone(), to_address: hidden(&call.called_address), contact: hidden(&call.contact) }
}

/// What the customer of an anonymous call most likely wrote into To, where the row that knew it is gone: the carrier's From names its own
/// address.
fn dialled(token: &Token, request: &Message<'_>, realm: &str) -> Vec<u8> {
    let number = request.from().uri().ok().and_then(|uri| uri.user).map(String::from_utf8_lossy);
    match number {
        Some(number) if token.from_form == FromForm::Anonymous => format!("<sip:{number}@{}>", host_of(token, realm)).into_bytes(),
        _ => Vec::new(),
    }
}

fn host_of(token: &Token, realm: &str) -> String {
    if token.domain.is_empty() {
        return realm.to_owned();
    }
    format!("{}.{realm}", token.domain)
}

/// The identity as far as a token carries it, in the form that the domain library gives it (identity.py).
fn identity_of(token: &Token, request: &Message<'_>, realm: &str) -> Identity {
    let host = host_of(token, realm);
    let details = &token.details;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = token.user.strip_prefix('+').is_some_and(is_digits);
    let uri = match token.user.as_str() {
        "" => format!("<sip:{host}>"),
        user if is_number => format!("<sip:{user}@{host};user=phone>"),
        user => format!("<sip:{user}@{host}>"),
    };
    let sip = match details.name(&token.user, &token.domain) {
        "" => uri,
        name => format!("\"{name}\" {uri}"),
    };
    let mut asserted = Vec::new();
    // A domain alone names a caller without account and number; a realm alone names nobody.
    if token.has_asserted && !(token.user.is_empty() && token.domain.is_empty()) {
        asserted.push(sip.clone());
    }
    if let Some(tel) = details.tel.as_deref().filter(|_| token.has_asserted_tel) {
        asserted.push(format!("<tel:+{tel}>"));
    } else if token.has_asserted_tel && is_number {
        asserted.push(format!("<tel:{}>", token.user));
    } else if token.has_asserted_tel && token.has_tel_of_digits && is_digits(&token.user) {
        asserted.push(format!("<tel:+{}>", token.user));
    }
    let from_name_addr = match token.from_form {
        FromForm::Kept => String::new(),
        FromForm::Asserted if !token.user.is_empty() => sip,
        FromForm::Asserted | FromForm::Anonymous => "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(),
    };
    let PrivacyForm { has_none, has_header, has_user, has_session } = token.privacy;
    let asked = [(has_none, "none"), (token.has_privacy_id, "id"), (has_header, "header"), (has_user, "user"), (has_session, "session")];
    let rest = [(details.words.is_some(), details.words.as_deref().unwrap_or_default()), (details.is_critical, "critical")];
    let privacy = asked.into_iter().chain(rest).filter(|(is_asked, _)| *is_asked).map(|(_, word)| word).collect::<Vec<_>>().join(";");
    let is_anonymous = forward::is_anonymous(&from_name_addr);
    let to_name_addr = match request.to().uri() {
        Ok(to) if is_anonymous => forward::to_name_addr(&String::from_utf8_lossy(to.user.unwrap_or_default()), token.next_hop.peer),
        _ => String::new(),
    };
    Identity {
        asserted,
        privacy,
        from_name_addr,
        to_name_addr,
        has_asserted_on_ack: token.has_asserted_on_ack,
        is_anonymous,
        ..Identity::default()
    }
}
