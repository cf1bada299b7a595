//! What is changed in a message on its way through: Via, routes, Max-Forwards, credentials, identity (RFC 3261 §16.6, §16.7, RFC 3323,
//! RFC 3325).
//!
//! Everything else stays byte for byte. Functions here write messages and send none.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use trunkline_message::{
    eq_host, limits, numbers, Credentials, CredentialsError, Edits, HeaderName, Message, Method, NameAddr, Scheme, Span, Uri,
};

use crate::hiding::Cover;
use crate::later_privacy::{is_user_asked, shown_with, tells_of_its_user};
use crate::plan::Step;
use crate::route::RouteWork;
use crate::transport::Listener;

/// RFC 3261 §8.1.1.6.
const DEFAULT_MAX_FORWARDS: u8 = 70;

/// RFC 5393 §5.3.3: what a request without one gets, and the most that one may bring.
const MAX_BREADTH: u32 = 60;
const MAX_BREADTH_TEXT: &[u8] = b"60";

/// What the carrier is shown of the caller, in every request of the dialog.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// Values of P-Asserted-Identity.
    pub asserted: Vec<String>,
    pub privacy: String,
    /// Empty: From is kept.
    pub from_name_addr: String,
    /// Empty: To is kept. Of an anonymous call it is the number at the gateway, for the customer's own To names its domain.
    pub to_name_addr: String,
    pub has_asserted_on_ack: bool,
    /// From is anonymous, so whatever else tells of the caller goes too.
    pub is_anonymous: bool,
    /// The same without From and Contact, which the carrier has been shown before.
    pub is_private: bool,
    /// The carrier is in the trust domain; where a token alone tells of the call, it is not known.
    pub is_trusted: bool,
}

impl Identity {
    /// Of the INVITE `request` on its way to `step`.
    pub fn of(step: &Step, request: &Message<'_>) -> Arc<Self> {
        let shown = &step.target.identity;
        if !shown.is_anonymous {
            return Arc::clone(shown);
        }
        let to_name_addr = to_name_addr(&request_user_for(request, step), step.target.address);
        Arc::new(Self { to_name_addr, ..Self::clone(shown) })
    }
}

/// RFC 3323 §4.1.1.3: the host is what tells.
pub(crate) fn is_anonymous(from_name_addr: &str) -> bool {
    if from_name_addr.is_empty() {
        return false;
    }
    NameAddr::parse(from_name_addr.as_bytes())
        .and_then(|from| from.uri())
        .is_ok_and(|uri| uri.scheme == Scheme::Sip && eq_host(uri.host, b"anonymous.invalid"))
}

/// To without anything of the customer's. To has no port (RFC 3261 §19.1.1, table 1).
pub(crate) fn to_name_addr(user: &str, gateway: SocketAddr) -> String {
    let at = if user.is_empty() { "" } else { "@" };
    match gateway {
        SocketAddr::V4(gateway) => format!("<sip:{user}{at}{}>", gateway.ip()),
        SocketAddr::V6(gateway) => format!("<sip:{user}{at}[{}]>", gateway.ip()),
    }
}

/// What every forwarded request gets.
#[derive(Clone, Copy)]
pub(crate) struct Hop<'a> {
    /// Where we are on the side where it leaves.
    pub ours: Listener,
    pub branch: &'a str,
    /// Where the request came from.
    pub source: SocketAddr,
    pub realm: &'a str,
    /// Where the side that it came from is hidden.
    pub cover: Option<&'a Cover>,
}

/// Lines that a forwarded request may have more than it came with: Via, Record-Route, Max-Forwards, two identities, Privacy, a Route,
/// Content-Length, Max-Breadth.
const ADDED_LINES: usize = 9;

/// Of all of them together: each text in them is bounded where it is made.
const ADDED_BYTES: usize = 8_192;

/// Whether a request stays within the bounds of a message when it is forwarded, with so many lines and bytes of routes more: our own
/// retransmissions, ACK and CANCEL are made of it.
pub(crate) fn has_room(request: &Message<'_>, (lines, bytes): (usize, usize)) -> bool {
    request.via_count() < limits::VIAS
        && request.headers().len() + ADDED_LINES + lines <= limits::HEADERS
        && request.bytes().len() + ADDED_BYTES + bytes <= limits::MESSAGE_BYTES
}

/// An INVITE towards a gateway.
pub(crate) fn write_try(request: &Message<'_>, hop: Hop<'_>, record_route: &[u8], step: &Step, identity: &Identity) -> Vec<u8> {
    let mut edits = Edits::new();
    edits.replace_request_uri(request, request_uri_for(request, step).as_bytes());
    add_hop(&mut edits, request, hop);
    edits.insert_top(request, "Record-Route", record_route);
    if let Some(cover) = hop.cover {
        cover.on_request(&mut edits, request);
    }
    // A preloaded Route that names us is all that may be here (§16.4).
    edits.remove_all(request, HeaderName::Route);
    strip_credentials(&mut edits, request, hop.realm);
    show_identity(&mut edits, request, identity, true);
    show_addresses(&mut edits, request, identity);
    written(edits, request)
}

fn request_user_for<'a>(request: &Message<'a>, step: &'a Step) -> Cow<'a, str> {
    match step.request_user.as_str() {
        "" => request.request_uri().ok().and_then(|uri| uri.user).map(String::from_utf8_lossy).unwrap_or_default(),
        user => Cow::Borrowed(user),
    }
}

fn request_uri_for(request: &Message<'_>, step: &Step) -> String {
    let user = request_user_for(request, step);
    let at = if user.is_empty() { "" } else { "@" };
    ["sip:", &user, at, &step.target.address_text].concat()
}

/// A request inside the dialog from the customer to the carrier.
pub(crate) fn write_to_carrier(request: &Message<'_>, hop: Hop<'_>, work: &RouteWork, identity: &Identity) -> Vec<u8> {
    let mut edits = Edits::new();
    add_hop(&mut edits, request, hop);
    work.apply(&mut edits, request);
    if let Some(cover) = hop.cover {
        cover.on_request(&mut edits, request);
    }
    strip_credentials(&mut edits, request, hop.realm);
    let is_ack = request.method() == Method::Ack;
    let identity = shown_with(identity, request);
    show_identity(&mut edits, request, &identity, !is_ack || identity.has_asserted_on_ack);
    show_addresses(&mut edits, request, &identity);
    written(edits, request)
}

/// What the customer wrote itself and the carrier was not shown. Empty: what the carrier wrote is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    /// Its From, for To.
    pub from_address: Vec<u8>,
    /// Its To, for From.
    pub to_address: Vec<u8>,
    /// The URI of its Contact, for the Request-URI.
    pub contact: Vec<u8>,
}

/// A request inside the dialog from the carrier to the customer.
pub(crate) fn write_to_customer(request: &Message<'_>, hop: Hop<'_>, work: &RouteWork, own: &Own, shows_callee: bool) -> Vec<u8> {
    let mut edits = Edits::new();
    add_hop(&mut edits, request, hop);
    work.apply(&mut edits, request);
    if let Some(cover) = hop.cover {
        cover.on_request(&mut edits, request);
    }
    // As the carrier was shown it; a Request-URI of any other form was not made of it.
    if !own.contact.is_empty() && without_user(&own.contact) == request.request_uri_bytes() {
        edits.replace_request_uri(request, &own.contact);
    }
    strip_credentials(&mut edits, request, hop.realm);
    strip_for_customer(&mut edits, request, shows_callee);
    for (name, address, came) in [(HeaderName::To, &own.from_address, request.to()), (HeaderName::From, &own.to_address, request.from())] {
        if !address.is_empty() && address != came.address_bytes {
            edits.replace_address(request, name, address);
        }
    }
    written(edits, request)
}

/// Our Record-Route value in a response and what stands there for the one who gets it.
#[derive(Clone, Copy)]
pub(crate) struct RouteRewrite<'a> {
    /// The token of the copy that was sent with the request.
    pub token: &'a str,
    pub replacement: &'a [u8],
}

/// What whoever gets a response is shown of the one who responds.
#[derive(Clone, Copy)]
pub(crate) enum Responder<'a> {
    /// Speaks for a customer who responds.
    Customer(&'a Identity),
    /// What a carrier says of itself goes no further, but for whom it asserts to be called where the customer may see that.
    Carrier { shows_callee: bool },
}

/// A response on its way back to where `request` came from, from `source`. `cover` stands where the side that responds is hidden.
pub(crate) fn write_response(
    request: &Message<'_>,
    source: SocketAddr,
    response: &Message<'_>,
    rewrite: Option<RouteRewrite<'_>>,
    responder: Responder<'_>,
    cover: Option<&Cover>,
) -> Vec<u8> {
    let mut edits = Edits::new();
    restore_vias(&mut edits, request, source, response);
    match responder {
        Responder::Customer(identity) => show_identity(&mut edits, response, &shown_with(identity, response), true),
        Responder::Carrier { shows_callee } => strip_for_customer(&mut edits, response, shows_callee),
    }
    // A challenge of the next hop is between it and us, whoever it is: the other party has no password there.
    for name in [HeaderName::ProxyAuthenticate, HeaderName::WwwAuthenticate] {
        edits.remove_all(response, name);
    }
    for (name, sent, came) in [(HeaderName::From, request.from(), response.from()), (HeaderName::To, request.to(), response.to())] {
        if sent.address_bytes != came.address_bytes {
            edits.replace_address(response, name, sent.address_bytes);
        }
    }
    if let Some(cover) = cover {
        cover.on_response(&mut edits, request, response, rewrite.map(|rewrite| rewrite.replacement));
    } else if let Some(rewrite) = rewrite {
        for value in response.values(HeaderName::RecordRoute) {
            let is_ours = crate::route::is_own(value.bytes, rewrite.token);
            if let Some(span) = response.span_of(value.bytes).filter(|_| is_ours) {
                edits.replace(span, rewrite.replacement);
            }
        }
    }
    written(edits, response)
}

/// The Vias of a response are those of the request, whatever came back (§16.7 step 8 leaves them to the next hop's good will).
fn restore_vias(edits: &mut Edits, request: &Message<'_>, source: SocketAddr, response: &Message<'_>) {
    let mut lines = Vec::with_capacity(256);
    trunkline_message::write_vias(request, source, &mut lines);
    edits.remove_all(response, HeaderName::Via);
    let start = response.headers_range().start;
    edits.replace(Span { start, end: start }, &lines);
}

fn add_hop(edits: &mut Edits, request: &Message<'_>, hop: Hop<'_>) {
    match hop.cover {
        Some(_) => edits.remove_all(request, HeaderName::Via),
        None => edits.set_received(request, hop.source),
    }
    edits.insert_top(request, "Via", &via(hop.ours, hop.branch));
    let hops = request.max_forwards().map_or(DEFAULT_MAX_FORWARDS, |hops| hops.saturating_sub(1));
    edits.set_max_forwards(request, hops);
    // One branch at a time, so all of it may go on (RFC 5393 §5.3.3).
    if request.max_breadth().flatten().is_none_or(|breadth| breadth > MAX_BREADTH) {
        edits.remove_all(request, HeaderName::MaxBreadth);
        edits.insert_bottom(request, "Max-Breadth", MAX_BREADTH_TEXT);
    }
}

/// Value of our Via.
pub(crate) fn via(ours: Listener, branch: &str) -> Vec<u8> {
    let mut via = Vec::with_capacity(64 + branch.len());
    for part in ["SIP/2.0/", ours.transport.in_via(), " "] {
        via.extend_from_slice(part.as_bytes());
    }
    numbers::write_address(ours.address, &mut via);
    via.extend_from_slice(b";rport;branch=");
    via.extend_from_slice(branch.as_bytes());
    via
}

/// Beside the known names: what speaks for a caller, or says who pays, in the trust domains of others (RFC 4457, RFC 4474, RFC 5002,
/// RFC 5502, RFC 5503, RFC 6050, RFC 7315, RFC 7316, RFC 8496, 3GPP TS 24.229 §7.2). `n` is Identity-Info.
const CALLER_HEADERS: [&[u8]; 21] = [
    b"Identity-Info",
    b"n",
    b"P-Access-Network-Info",
    b"P-Asserted-Service",
    b"P-Associated-URI",
    b"P-Called-Party-ID",
    b"P-Charge-Info",
    b"P-Charging-Function-Addresses",
    b"P-Charging-Vector",
    b"P-DCS-Billing-Info",
    b"P-DCS-LAES",
    b"P-DCS-Redirect",
    b"P-DCS-Trace-Party-ID",
    b"P-Preferred-Service",
    b"P-Private-Network-Indication",
    b"P-Profile-Key",
    b"P-Served-User",
    b"P-User-Database",
    b"P-Visited-Network-ID",
    b"Attestation-Info",
    b"Origination-Id",
];

/// No word of a customer about who is calling gets to a carrier; of an anonymous call no other word about the caller either
/// (RFC 3323 §4.1).
fn strip_for_carrier(edits: &mut Edits, message: &Message<'_>, is_private: bool) {
    for (index, header) in message.headers().iter().enumerate() {
        let is_told = match header.name {
            HeaderName::PAssertedIdentity
            | HeaderName::PPreferredIdentity
            | HeaderName::RemotePartyId
            | HeaderName::Privacy
            | HeaderName::Diversion
            | HeaderName::HistoryInfo
            | HeaderName::Identity
            | HeaderName::ReferredBy => true,
            HeaderName::Other => {
                let name = header.name_span.of(message.bytes());
                is_caller_header(name) || (is_private && name.eq_ignore_ascii_case(b"Geolocation"))
            }
            name => is_private && tells_of_its_user(name),
        };
        if is_told {
            edits.remove_field(message, index);
        }
    }
}

/// Contacts without display name and user part. Requests of the dialog find their way by our token.
fn hide_contacts(edits: &mut Edits, message: &Message<'_>) {
    hide_contact_names(edits, message);
    for contact in message.addresses(HeaderName::Contact).flatten() {
        if let Some(span) = user_in(contact.uri_bytes).and_then(|user| message.span_of(user)) {
            edits.replace(span, b"");
        }
    }
}

fn hide_contact_names(edits: &mut Edits, message: &Message<'_>) {
    for contact in message.addresses(HeaderName::Contact).flatten() {
        if let Some(span) = message.span_of(contact.display_name_bytes).filter(|span| !span.is_empty()) {
            edits.replace(span, b"");
        }
    }
}

/// User, password and the `@` of a SIP URI.
fn user_in(uri: &[u8]) -> Option<&[u8]> {
    let parsed = Uri::parse(uri).ok().filter(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips))?;
    parsed.user?;
    let start = uri.iter().position(|byte| *byte == b':')? + 1;
    // The host is a part of the same bytes.
    let end = (parsed.host.as_ptr() as usize).checked_sub(uri.as_ptr() as usize)?;
    uri.get(start..end)
}

/// A URI as it may stand in a Request-URI (RFC 3261 §19.1.1, table 1).
pub(crate) fn without_headers(uri: &[u8]) -> &[u8] {
    match Uri::parse(uri) {
        Ok(parsed) if !parsed.header_bytes.is_empty() => uri.get(..uri.len() - parsed.header_bytes.len() - 1).unwrap_or(uri),
        _ => uri.strip_suffix(b"?").unwrap_or(uri),
    }
}

fn without_user(uri: &[u8]) -> Vec<u8> {
    match user_in(uri) {
        Some(user) => {
            let start = uri.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
            [&uri[..start], &uri[start + user.len()..]].concat()
        }
        None => uri.to_vec(),
    }
}

/// RFC 3325 §5: nothing of the kind gets out to a customer, however it is spelled, but for the identity that it may see and that asks for
/// no privacy (§7). Its values are those of the carrier, of which no more than a SIP and a tel URI may be there (§9.1).
fn strip_for_customer(edits: &mut Edits, message: &Message<'_>, shows_callee: bool) {
    let is_private = is_user_asked(message);
    if is_private {
        hide_contact_names(edits, message);
    }
    for (index, header) in message.headers().iter().enumerate() {
        let is_told = match header.name {
            HeaderName::PAssertedIdentity => !(shows_callee && is_showable(message)),
            HeaderName::PPreferredIdentity
            | HeaderName::RemotePartyId
            | HeaderName::Diversion
            | HeaderName::HistoryInfo
            | HeaderName::Identity
            | HeaderName::ReferredBy => true,
            HeaderName::Other => is_caller_header(header.name_span.of(message.bytes())),
            name => is_private && tells_of_its_user(name),
        };
        if is_told {
            edits.remove_field(message, index);
        }
    }
}

/// An identity that may leave the trust domain: what the RFC allows it to be, and nobody asked for privacy.
fn is_showable(message: &Message<'_>) -> bool {
    let asked = message.privacy();
    let is_private = asked.is_id || asked.is_user || asked.is_header;
    let (mut names, mut numbers) = (0, 0);
    for value in message.values(HeaderName::PAssertedIdentity) {
        match NameAddr::parse(value.bytes).ok().and_then(|value| value.uri().ok()).map(|uri| uri.scheme) {
            Some(Scheme::Sip | Scheme::Sips) => names += 1,
            Some(Scheme::Tel) => numbers += 1,
            Some(Scheme::Other) | None => return false,
        }
    }
    !is_private && names <= 1 && numbers <= 1
}

fn is_caller_header(name: &[u8]) -> bool {
    CALLER_HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// What the platform says of the customer, in its requests and its responses, and nothing else.
fn show_identity(edits: &mut Edits, message: &Message<'_>, identity: &Identity, has_asserted: bool) {
    strip_for_carrier(edits, message, identity.is_anonymous || identity.is_private);
    if identity.is_anonymous {
        hide_contacts(edits, message);
    }
    if has_asserted {
        for value in &identity.asserted {
            edits.insert_bottom(message, "P-Asserted-Identity", value.as_bytes());
        }
    }
    if !identity.privacy.is_empty() {
        edits.insert_bottom(message, "Privacy", identity.privacy.as_bytes());
    }
}

/// From and To of the customer's requests. In its responses they are the carrier's own.
fn show_addresses(edits: &mut Edits, request: &Message<'_>, identity: &Identity) {
    for (name, address) in [(HeaderName::From, &identity.from_name_addr), (HeaderName::To, &identity.to_name_addr)] {
        if !address.is_empty() {
            edits.replace_address(request, name, address.as_bytes());
        }
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

/// With a Content-Length, which over UDP may be missing and over TCP may not (RFC 3261 §16.6 step 9, §18.3).
fn written(mut edits: Edits, message: &Message<'_>) -> Vec<u8> {
    if !message.has(HeaderName::ContentLength) {
        edits.insert_bottom(message, "Content-Length", message.body().len().to_string().as_bytes());
    }
    let mut out = Vec::with_capacity(message.bytes().len() + 512);
    edits.write(message, &mut out);
    out
}
