//! A target with all that follows from it alone, worked out once for the many calls that are shown alike.

use std::ops::Deref;
use std::sync::Arc;

use trunkline_message::{NameAddr, Scheme, Uri};

use crate::forward::{is_anonymous, Identity};
use crate::plan::Target;
use crate::token::{FromForm, PrivacyForm};

/// See [`Target`], which it gives.
#[derive(Debug)]
pub struct Prepared {
    target: Target,
    /// `address` as text.
    pub(crate) address_text: String,
    /// The URI of From as it is shown; empty where From is kept.
    pub(crate) from_uri: String,
    /// What an anonymous call shows in To is the call's own and not in here.
    pub(crate) identity: Arc<Identity>,
    /// User part of the asserted identity.
    pub(crate) user: String,
    pub(crate) has_asserted_sip: bool,
    pub(crate) has_asserted_tel: bool,
    pub(crate) has_tel_of_digits: bool,
    pub(crate) has_privacy_id: bool,
    pub(crate) privacy_form: PrivacyForm,
    pub(crate) from_form: FromForm,
}

impl Prepared {
    pub fn new(target: Target) -> Self {
        let (sip, tel) = (user_of(&target.asserted, is_sip), user_of(&target.asserted, |scheme| scheme == Scheme::Tel));
        // Where P-Asserted-Identity is kept from the carrier, From may show the same.
        let user = sip.as_ref().or(tel.as_ref()).cloned().or_else(|| user_of(&[target.from_name_addr.clone()], is_sip)).unwrap_or_default();
        let is_anonymous = is_anonymous(&target.from_name_addr);
        let from_form = match target.from_name_addr.as_str() {
            "" => FromForm::Kept,
            _ if is_anonymous || user.is_empty() => FromForm::Anonymous,
            _ => FromForm::Asserted,
        };
        let has_tel_of_digits = tel.as_ref().is_some_and(|tel| tel.strip_prefix('+') == Some(&user));
        let has_privacy = |word: &str| target.privacy.split(';').any(|token| token.trim().eq_ignore_ascii_case(word));
        let identity = Identity {
            asserted: target.asserted.clone(),
            privacy: target.privacy.clone(),
            from_name_addr: target.from_name_addr.clone(),
            to_name_addr: String::new(),
            has_asserted_on_ack: target.has_asserted_on_ack,
            is_anonymous,
        };
        let from_uri = match NameAddr::parse(target.from_name_addr.as_bytes()) {
            Ok(from) if !target.from_name_addr.is_empty() => String::from_utf8_lossy(from.uri_bytes).into_owned(),
            _ => String::new(),
        };
        Self {
            address_text: target.address.to_string(),
            from_uri,
            identity: Arc::new(identity),
            user,
            has_asserted_sip: sip.is_some(),
            has_asserted_tel: tel.is_some(),
            has_tel_of_digits,
            has_privacy_id: has_privacy("id"),
            privacy_form: PrivacyForm {
                has_none: has_privacy("none"),
                has_header: has_privacy("header"),
                has_user: has_privacy("user"),
                has_session: has_privacy("session"),
            },
            from_form,
            target,
        }
    }
}

impl Deref for Prepared {
    type Target = Target;

    fn deref(&self) -> &Target {
        &self.target
    }
}

fn is_sip(scheme: Scheme) -> bool {
    matches!(scheme, Scheme::Sip | Scheme::Sips)
}

/// User part, or number, of the first URI of such a scheme among name-addrs: what a token can carry. Empty where the URI has none.
fn user_of(values: &[String], is_wanted: impl Fn(Scheme) -> bool) -> Option<String> {
    let uris = values.iter().filter_map(|value| Uri::parse(NameAddr::parse(value.as_bytes()).ok()?.uri_bytes).ok());
    let mut wanted = uris.filter(|uri| is_wanted(uri.scheme));
    wanted.next().map(|uri| uri.user.map(|user| String::from_utf8_lossy(user).into_owned()).unwrap_or_default())
}
