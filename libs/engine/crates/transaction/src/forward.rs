//! What is changed in a message on its way through: Via, routes, Max-Forwards, credentials, identity (RFC 3261 §16.6, §16.7, RFC 3325).
//!
//! Everything else stays byte for byte. Functions here write messages and send none.

use std::net::SocketAddr;

use trunkline_message::{Credentials, CredentialsError, Edits, HeaderName, Message, Method, NameAddr, Scheme, Uri};

use crate::plan::Target;
use crate::route::RouteWork;

/// RFC 3261 §8.1.1.6.
const DEFAULT_MAX_FORWARDS: u8 = 70;

/// What the carrier is shown of the caller, in every request of the dialog.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// Values of P-Asserted-Identity.
    pub asserted: Vec<String>,
    pub privacy: String,
    /// Empty: From is kept.
    pub from_name_addr: String,
    pub has_asserted_on_ack: bool,
}

impl Identity {
    pub fn of(target: &Target) -> Self {
        Self {
            asserted: target.asserted.clone(),
            privacy: target.privacy.clone(),
            from_name_addr: target.from_name_addr.clone(),
            has_asserted_on_ack: target.has_asserted_on_ack,
        }
    }
}

/// What every forwarded request gets.
#[derive(Clone, Copy)]
pub(crate) struct Hop<'a> {
    /// Our address on the side where it leaves.
    pub ours: SocketAddr,
    pub branch: &'a str,
    /// Where the request came from.
    pub source: SocketAddr,
    pub realm: &'a str,
}

/// An INVITE towards a gateway.
pub(crate) fn write_try(request: &Message<'_>, hop: Hop<'_>, record_route: &str, target: &Target) -> Vec<u8> {
    let mut edits = Edits::new();
    edits.replace_request_uri(request, request_uri_for(request, target).as_bytes());
    add_hop(&mut edits, request, hop);
    edits.insert_top(request, "Record-Route", record_route.as_bytes());
    // A preloaded Route that names us is all that may be here (§16.4).
    edits.remove_all(request, HeaderName::Route);
    strip_credentials(&mut edits, request, hop.realm);
    strip_identity(&mut edits, request);
    assert_identity(&mut edits, request, &Identity::of(target), true);
    written(edits, request)
}

fn request_uri_for(request: &Message<'_>, target: &Target) -> String {
    let user = match target.request_user.as_str() {
        "" => {
            request.request_uri().ok().and_then(|uri| uri.user).map(|user| String::from_utf8_lossy(user).into_owned()).unwrap_or_default()
        }
        user => user.to_owned(),
    };
    let at = if user.is_empty() { "" } else { "@" };
    format!("sip:{user}{at}{}", target.address)
}

/// A request inside the dialog from the customer to the carrier.
pub(crate) fn write_to_carrier(request: &Message<'_>, hop: Hop<'_>, work: &RouteWork, identity: &Identity) -> Vec<u8> {
    let mut edits = Edits::new();
    add_hop(&mut edits, request, hop);
    work.apply(&mut edits, request);
    strip_credentials(&mut edits, request, hop.realm);
    strip_identity(&mut edits, request);
    let is_ack = request.method() == Method::Ack;
    assert_identity(&mut edits, request, identity, !is_ack || identity.has_asserted_on_ack);
    written(edits, request)
}

/// A request inside the dialog from the carrier to the customer. `to_address` is the customer's own From, where it was replaced.
pub(crate) fn write_to_customer(request: &Message<'_>, hop: Hop<'_>, work: &RouteWork, to_address: Option<&[u8]>) -> Vec<u8> {
    let mut edits = Edits::new();
    add_hop(&mut edits, request, hop);
    work.apply(&mut edits, request);
    strip_credentials(&mut edits, request, hop.realm);
    strip_identity(&mut edits, request);
    if let Some(address) = to_address.filter(|address| *address != request.to().address_bytes) {
        edits.replace_address(request, HeaderName::To, address);
    }
    written(edits, request)
}

/// Our Record-Route value in a response and what stands there for the one who gets it.
#[derive(Clone, Copy)]
pub(crate) struct RouteRewrite<'a> {
    /// The token of the copy that was sent with the request.
    pub token: &'a str,
    pub replacement: &'a str,
}

/// A response on its way back to where `request` came from. `asserted` speaks for a responding customer; a carrier's is removed.
pub(crate) fn write_response(
    request: &Message<'_>,
    response: &Message<'_>,
    rewrite: Option<RouteRewrite<'_>>,
    asserted: &[String],
) -> Vec<u8> {
    let mut edits = Edits::new();
    edits.remove_first_value(response, HeaderName::Via);
    strip_identity(&mut edits, response);
    // A challenge of the next hop is between it and us, whoever it is: the other party has no password there.
    for name in [HeaderName::ProxyAuthenticate, HeaderName::WwwAuthenticate] {
        edits.remove_all(response, name);
    }
    for (name, sent, came) in [(HeaderName::From, request.from(), response.from()), (HeaderName::To, request.to(), response.to())] {
        if sent.address_bytes != came.address_bytes {
            edits.replace_address(response, name, sent.address_bytes);
        }
    }
    if let Some(rewrite) = rewrite {
        for value in response.values(HeaderName::RecordRoute) {
            let is_ours = crate::route::is_own(value.bytes, rewrite.token);
            if let Some(span) = response.span_of(value.bytes).filter(|_| is_ours) {
                edits.replace(span, rewrite.replacement.as_bytes());
            }
        }
    }
    for value in asserted {
        edits.insert_bottom(response, "P-Asserted-Identity", value.as_bytes());
    }
    written(edits, response)
}

fn add_hop(edits: &mut Edits, request: &Message<'_>, hop: Hop<'_>) {
    edits.set_received(request, hop.source);
    edits.insert_top(request, "Via", via(hop.ours, hop.branch).as_bytes());
    let hops = request.max_forwards().map_or(DEFAULT_MAX_FORWARDS, |hops| hops.saturating_sub(1));
    edits.set_max_forwards(request, hops);
}

/// Value of our Via.
pub(crate) fn via(ours: SocketAddr, branch: &str) -> String {
    format!("SIP/2.0/UDP {ours};rport;branch={branch}")
}

/// RFC 3325 §5: nothing of the kind comes in from outside, however it is spelled.
fn strip_identity(edits: &mut Edits, message: &Message<'_>) {
    for name in [HeaderName::PAssertedIdentity, HeaderName::PPreferredIdentity, HeaderName::RemotePartyId] {
        edits.remove_all(message, name);
    }
}

fn assert_identity(edits: &mut Edits, request: &Message<'_>, identity: &Identity, has_asserted: bool) {
    edits.remove_all(request, HeaderName::Privacy);
    if !identity.from_name_addr.is_empty() {
        edits.replace_address(request, HeaderName::From, identity.from_name_addr.as_bytes());
    }
    if has_asserted {
        for value in &identity.asserted {
            edits.insert_bottom(request, "P-Asserted-Identity", value.as_bytes());
        }
    }
    if !identity.privacy.is_empty() {
        edits.insert_bottom(request, "Privacy", identity.privacy.as_bytes());
    }
}

/// Removes credentials of our realm. Those that cannot be read go too: they may be ours.
fn strip_credentials(edits: &mut Edits, request: &Message<'_>, realm: &str) {
    for (index, header) in request.headers().iter().enumerate() {
        if !matches!(header.name, HeaderName::ProxyAuthorization | HeaderName::Authorization) {
            continue;
        }
        let is_foreign = match Credentials::parse(header.value.of(request.bytes())) {
            Ok(credentials) => !credentials.realm.eq_ignore_ascii_case(realm.as_bytes()),
            Err(CredentialsError::NotDigest) => true,
            Err(CredentialsError::UnknownAlgorithm | CredentialsError::Unsupported(_) | CredentialsError::Malformed(_)) => false,
        };
        if !is_foreign {
            edits.remove_field(request, index);
        }
    }
}

fn written(mut edits: Edits, message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.bytes().len() + 512);
    edits.write(message, &mut out);
    out
}

/// User part of the first SIP URI among values of P-Asserted-Identity, and whether a tel URI stands there: what a token can carry.
pub(crate) fn asserted_user(asserted: &[String]) -> (String, bool) {
    let uris = || asserted.iter().filter_map(|value| NameAddr::parse(value.as_bytes()).ok());
    let parsed = |bytes| Uri::parse(bytes).ok();
    let user = uris().filter_map(|value| parsed(value.uri_bytes)).find_map(|uri| match uri.scheme {
        Scheme::Sip | Scheme::Sips => uri.user,
        Scheme::Tel | Scheme::Other => None,
    });
    let has_tel = uris().any(|value| value.uri_bytes.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"tel:")));
    (user.map(|user| String::from_utf8_lossy(user).into_owned()).unwrap_or_default(), has_tel)
}
