//! A target with all that follows from it alone, worked out once for the many calls that are shown alike.

use std::ops::Deref;
use std::sync::Arc;

use trunkline_message::{NameAddr, Scheme, Uri};

use crate::forward::{is_anonymous, Identity};
use crate::plan::Target;
use crate::token::FromForm;

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
    pub(crate) has_asserted_tel: bool,
    pub(crate) has_privacy_id: bool,
    pub(crate) from_form: FromForm,
}

impl Prepared {
    pub fn new(target: Target) -> Self {
        let (user, has_asserted_tel) = asserted_user(&target.asserted);
        let is_anonymous = is_anonymous(&target.from_name_addr);
        let from_form = match target.from_name_addr.as_str() {
            "" => FromForm::Kept,
            _ if is_anonymous || user.is_empty() => FromForm::Anonymous,
            _ => FromForm::Asserted,
        };
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
            has_asserted_tel,
            has_privacy_id: target.privacy.split(';').any(|token| token.trim().eq_ignore_ascii_case("id")),
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

/// User part of the first SIP URI among values of P-Asserted-Identity, and whether a tel URI stands there: what a token can carry.
fn asserted_user(asserted: &[String]) -> (String, bool) {
    let uris = || asserted.iter().filter_map(|value| NameAddr::parse(value.as_bytes()).ok());
    let parsed = |bytes| Uri::parse(bytes).ok();
    let user = uris().filter_map(|value| parsed(value.uri_bytes)).find_map(|uri| match uri.scheme {
        Scheme::Sip | Scheme::Sips => uri.user,
        Scheme::Tel | Scheme::Other => None,
    });
    let has_tel = uris().any(|value| value.uri_bytes.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"tel:")));
    (user.map(|user| String::from_utf8_lossy(user).into_owned()).unwrap_or_default(), has_tel)
}
