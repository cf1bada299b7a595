//! A target with all that follows from it alone, worked out once for the many calls that are shown alike.

use std::ops::Deref;
use std::sync::Arc;

use trunkline_message::{NameAddr, Scheme, Uri};

use crate::details::Details;
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
    pub(crate) details: Details,
}

impl Prepared {
    pub fn new(target: Target) -> Self {
        let Asserted { shown, sip, tel } = Asserted::of(&target.asserted);
        let user = match sip.or(tel) {
            Some(user) => String::from_utf8_lossy(user).into_owned(),
            None => user_of(&target.from_name_addr),
        };
        let is_anonymous = is_anonymous(&target.from_name_addr);
        let from = match target.from_name_addr.as_str() {
            "" => None,
            from => NameAddr::parse(from.as_bytes()).ok(),
        };
        let in_from = || from.filter(|_| !is_anonymous && tel.is_none()).and_then(|from| Some((from, from.uri().ok()?.host)));
        let details = Details::of(&user, shown.or_else(in_from).as_ref().map(|(shown, host)| (shown, *host)), tel, &target.privacy);
        let from_form = match target.from_name_addr.as_str() {
            "" => FromForm::Kept,
            _ if is_anonymous || user.is_empty() => FromForm::Anonymous,
            _ => FromForm::Asserted,
        };
        let has_tel_of_digits = tel.is_some_and(|tel| tel.strip_prefix(b"+") == Some(user.as_bytes()));
        let has_privacy =
            |word: &str| !target.privacy.is_empty() && target.privacy.split(';').any(|token| token.trim().eq_ignore_ascii_case(word));
        let identity = Identity {
            asserted: target.asserted.clone(),
            privacy: target.privacy.clone(),
            from_name_addr: target.from_name_addr.clone(),
            to_name_addr: String::new(),
            has_asserted_on_ack: target.has_asserted_on_ack,
            is_anonymous,
            is_private: false,
            is_trusted: target.is_trusted,
        };
        let from_uri = from.map(|from| String::from_utf8_lossy(from.uri_bytes).into_owned()).unwrap_or_default();
        Self {
            address_text: target.address.to_string(),
            from_uri,
            details,
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

    /// Of memory, without what the allocator adds: for whoever bounds how many are kept.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let target = &self.target;
        let texts =
            [&target.gateway, &target.carrier, &target.currency, &self.address_text, &self.from_uri, &self.user].map(|text| text.len());
        let asserted: usize = target.asserted.iter().map(|value| size_of::<String>() + value.len()).sum();
        // In the target and in the identity.
        let twice = asserted + target.privacy.len() + target.from_name_addr.len();
        size_of::<Self>() + size_of::<Identity>() + texts.iter().sum::<usize>() + 2 * twice + self.details.memory_bytes()
    }
}

impl Deref for Prepared {
    type Target = Target;

    fn deref(&self) -> &Target {
        &self.target
    }
}

/// What a token can carry of the values of P-Asserted-Identity.
#[derive(Default)]
struct Asserted<'a> {
    /// The first SIP URI with its display name, and its host.
    shown: Option<(NameAddr<'a>, &'a [u8])>,
    /// Its user part, empty where it has none.
    sip: Option<&'a [u8]>,
    /// Number of the first tel URI.
    tel: Option<&'a [u8]>,
}

impl<'a> Asserted<'a> {
    fn of(values: &'a [String]) -> Self {
        let mut found = Self::default();
        for value in values.iter().filter_map(|value| NameAddr::parse(value.as_bytes()).ok()) {
            let Ok(uri) = Uri::parse(value.uri_bytes) else { continue };
            let user = uri.user.unwrap_or_default();
            match uri.scheme {
                Scheme::Sip | Scheme::Sips if found.sip.is_none() => {
                    (found.sip, found.shown) = (Some(user), Some((value, uri.host)));
                }
                Scheme::Tel => _ = found.tel.get_or_insert(user),
                _ => {}
            }
        }
        found
    }
}

/// Where P-Asserted-Identity is kept from the carrier, From may show the same.
fn user_of(from_name_addr: &str) -> String {
    let from = NameAddr::parse(from_name_addr.as_bytes()).ok().filter(|_| !from_name_addr.is_empty());
    let user = from.and_then(|from| from.uri().ok()).and_then(|uri| uri.user);
    user.map(|user| String::from_utf8_lossy(user).into_owned()).unwrap_or_default()
}
