//! Route and Record-Route: ours recognised, popped, and the next hop found (RFC 3261 §16.4, §16.6 steps 6 and 7, §12.1).

use std::net::SocketAddr;

use trunkline_message::{numbers, Edits, HeaderName, Message, NameAddr, Scheme, Uri, Via};

use crate::action::Flow;
use crate::transport::{pick, Listener, Transport};

const TOKEN_PARAM: &str = "t";
const TOKEN_START: &str = ";t=";
const ROUTES_PARAM: &str = "r";
const ROUTES_START: &str = ";r=";

/// What a Record-Route of ours carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub token: String,
    /// Hidden routes that the token has no room for; mostly empty.
    pub routes: String,
}

impl Sealed {
    fn of(uri: &[u8]) -> Option<Self> {
        // Most have none, and are not looked into.
        let is_start = |at: &[u8]| at[0] == b';' && at[1].eq_ignore_ascii_case(&b't') && at[2] == b'=';
        if !uri.windows(TOKEN_START.len()).any(is_start) {
            return None;
        }
        let (mut token, mut routes) = (None, None);
        for param in Uri::parse(uri).ok()?.params() {
            if token.is_none() && param.name.eq_ignore_ascii_case(TOKEN_PARAM.as_bytes()) {
                token = Some(param.value);
            } else if routes.is_none() && param.name.eq_ignore_ascii_case(ROUTES_PARAM.as_bytes()) {
                routes = Some(param.value);
            }
        }
        // What is no UTF-8 opens as little afterwards.
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Some(Self { token: text(token??), routes: routes.flatten().map(text).unwrap_or_default() })
    }
}

/// The value of our Record-Route for the side that it is shown to: one value, as each side gets a copy of its own (RFC 5658 needs two).
pub(crate) fn record_route(ours: Listener, Sealed { token, routes }: &Sealed) -> Vec<u8> {
    let mut value = Vec::with_capacity(64 + token.len() + routes.len());
    value.extend_from_slice(b"<sip:");
    numbers::write_address(ours.address, &mut value);
    if ours.transport != Transport::Udp {
        for part in [";transport=", ours.transport.as_str()] {
            value.extend_from_slice(part.as_bytes());
        }
    }
    // The token last: `is_own` looks for it there.
    for part in [";lr", if routes.is_empty() { "" } else { ROUTES_START }, routes, TOKEN_START, token, ">"] {
        value.extend_from_slice(part.as_bytes());
    }
    value
}

/// The token in a name-addr of Route or Record-Route.
pub(crate) fn token_in(value: &[u8]) -> Option<&[u8]> {
    token_in_uri(NameAddr::parse(value).ok()?.uri_bytes)
}

/// Whether a value of Record-Route is ours with this token. As we sent it is how it mostly comes back.
pub(crate) fn is_own(value: &[u8], token: &str) -> bool {
    let before = value.strip_suffix(b">").and_then(|value| value.strip_suffix(token.as_bytes()));
    let is_as_sent = before.is_some_and(|before| before.starts_with(b"<sip:") && before.ends_with(TOKEN_START.as_bytes()));
    is_as_sent || token_in(value) == Some(token.as_bytes())
}

fn token_in_uri(uri: &[u8]) -> Option<&[u8]> {
    Uri::parse(uri).ok()?.params().get(TOKEN_PARAM)?.value
}

/// What the routes of a request say.
#[derive(Clone, Debug)]
pub(crate) enum Routes {
    /// No Route at all.
    None,
    /// One Route without a token that names one of our listeners, or a name of the platform: a client's outbound proxy setting.
    Preloaded,
    /// The topmost one, or the Request-URI that a strict router made of it, carries a token.
    Token { sealed: Sealed, work: RouteWork },
    /// Anything else.
    Foreign,
}

/// How Route and Request-URI change when ours is popped. Indexes count the values of Route from the top.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteWork {
    dropped: Vec<usize>,
    request_uri: Option<Vec<u8>>,
    appended: Vec<Vec<u8>>,
    /// The next hop is a strict router, and what stands in Route comes after it (§16.6 step 6, §16.12).
    pub is_strict: bool,
}

impl RouteWork {
    /// Nothing changes: it is as the next hop gets it.
    pub fn done(is_strict: bool) -> Self {
        Self { is_strict, ..Self::default() }
    }

    /// Whatever the sender wrote, the request goes to `target` by `routes` (§12.2.1.1).
    pub fn anew(request: &Message<'_>, target: &[u8], routes: &[Vec<u8>]) -> Self {
        let dropped = (0..request.values(HeaderName::Route).count()).collect();
        let uri = |route: &[u8]| NameAddr::parse(route).map(|route| route.uri_bytes.to_vec()).ok();
        let strict = routes.first().and_then(|route| uri(route)).filter(|uri| Uri::parse(uri).is_ok_and(|uri| !uri.has_lr()));
        match strict {
            Some(strict) => {
                let last = [b"<", target, b">"].concat();
                Self { dropped, request_uri: Some(strict), appended: routes[1..].iter().cloned().chain([last]).collect(), is_strict: true }
            }
            None => Self { dropped, request_uri: Some(target.to_vec()), appended: routes.to_vec(), is_strict: false },
        }
    }

    /// As it will be.
    pub fn request_uri<'a>(&'a self, request: &Message<'a>) -> &'a [u8] {
        self.request_uri.as_deref().unwrap_or(request.request_uri_bytes())
    }

    /// Where the request will lead: to the first route that is left, else, and where that one comes after a strict router, to the Request-URI
    /// (§8.1.2). `None` where that is no URI.
    fn leads_to(&self, request: &Message<'_>) -> Option<Vec<u8>> {
        if self.is_strict {
            return Some(self.request_uri(request).to_vec());
        }
        let left = request.values(HeaderName::Route).enumerate().find(|(index, _)| !self.dropped.contains(index));
        let route = left.map(|(_, value)| value.bytes).or(self.appended.first().map(Vec::as_slice));
        Some(match route {
            Some(route) => NameAddr::parse(route).ok()?.uri_bytes.to_vec(),
            None => self.request_uri(request).to_vec(),
        })
    }

    /// Lines and bytes that the request may be longer by.
    pub fn growth(&self) -> (usize, usize) {
        let uri = self.request_uri.as_ref().map_or(0, Vec::len);
        (self.appended.len(), uri + self.appended.iter().map(|value| value.len() + "Route: \r\n".len()).sum::<usize>())
    }

    pub fn apply(&self, edits: &mut Edits, request: &Message<'_>) {
        let mut index = 0;
        edits.retain_values(request, HeaderName::Route, |_| {
            let is_kept = !self.dropped.contains(&index);
            index += 1;
            is_kept
        });
        if let Some(uri) = &self.request_uri {
            edits.replace_request_uri(request, uri);
        }
        for value in &self.appended {
            edits.insert_bottom(request, "Route", value);
        }
    }
}

/// Reads the routes. `listeners` are our addresses, and names are ours that end in `realm`; a token counts whatever host stands before it, for
/// the edge that made it may be gone.
pub(crate) fn read(request: &Message<'_>, listeners: &[Listener], realm: &str) -> Routes {
    let values: Vec<NameAddr<'_>> = match request.addresses(HeaderName::Route).collect() {
        Ok(values) => values,
        Err(_) => return Routes::Foreign,
    };
    let uri = request.request_uri_bytes();
    // §16.4: a strict router put our Record-Route into the Request-URI, and the true one at the end of Route.
    if let (Some(sealed), Some(last)) = (Sealed::of(uri).filter(|_| names_listener(uri, listeners)), values.last()) {
        let mut work = RouteWork { dropped: vec![values.len() - 1], request_uri: Some(last.uri_bytes.to_vec()), ..RouteWork::default() };
        meet_strict_router(&mut work, &values[..values.len() - 1], 0, last.uri_bytes);
        return Routes::Token { sealed, work };
    }
    let Some(top) = values.first() else { return Routes::None };
    if let Some(sealed) = Sealed::of(top.uri_bytes) {
        let mut work = RouteWork { dropped: vec![0], ..RouteWork::default() };
        meet_strict_router(&mut work, &values[1..], 1, uri);
        return Routes::Token { sealed, work };
    }
    if values.len() == 1 && (names_listener(top.uri_bytes, listeners) || names_platform(top.uri_bytes, listeners, realm)) {
        return Routes::Preloaded;
    }
    Routes::Foreign
}

/// §16.6 step 6: where the next Route has no `lr`, it becomes the Request-URI, which goes to the end of Route.
fn meet_strict_router(work: &mut RouteWork, rest: &[NameAddr<'_>], first_index: usize, uri: &[u8]) {
    let Some(next) = rest.first() else { return };
    if Uri::parse(next.uri_bytes).is_ok_and(|next| !next.has_lr()) {
        work.dropped.push(first_index);
        work.request_uri = Some(next.uri_bytes.to_vec());
        work.appended = vec![[b"<", uri, b">"].concat()];
        work.is_strict = true;
    }
}

fn names_listener(uri: &[u8], listeners: &[Listener]) -> bool {
    let named = Uri::parse(uri).ok().and_then(|uri| address_of(&uri, transport_of(&uri).unwrap_or_default()));
    named.is_some_and(|address| listeners.iter().any(|listener| listener.address == address))
}

/// Whether the host is `realm` or ends in it (RFC 4343: without case): DNS led to us by it. A port has to be one that we have.
fn names_platform(uri: &[u8], listeners: &[Listener], realm: &str) -> bool {
    let Ok(uri) = Uri::parse(uri) else { return false };
    let Some((before, end)) = uri.host.len().checked_sub(realm.len()).and_then(|at| uri.host.split_at_checked(at)) else { return false };
    let is_name = !realm.is_empty() && end.eq_ignore_ascii_case(realm.as_bytes()) && before.last().is_none_or(|last| *last == b'.');
    is_name && uri.port.is_none_or(|port| listeners.iter().any(|listener| listener.address.port() == port))
}

fn address_of(uri: &Uri<'_>, transport: Transport) -> Option<SocketAddr> {
    Some(SocketAddr::new(uri.host_ip()?, uri.port.unwrap_or(transport.default_port())))
}

/// What a URI asks for; `None` where it says nothing.
fn transport_of(uri: &Uri<'_>) -> Option<Transport> {
    if uri.scheme == Scheme::Sips {
        return Some(Transport::Tls);
    }
    uri.params().get("transport").and_then(|param| param.value).and_then(Transport::parse)
}

/// The token of our Record-Route in a response to a request that we sent; empty where the peer has left it out.
pub(crate) fn own_token(response: &Message<'_>, listeners: &[Listener]) -> String {
    let uris = response.values(HeaderName::RecordRoute).filter_map(|value| Some(NameAddr::parse(value.bytes).ok()?.uri_bytes));
    let token = uris.filter(|uri| names_listener(uri, listeners)).find_map(token_in_uri).unwrap_or_default();
    String::from_utf8_lossy(token).into_owned()
}

/// Where requests of the dialog go that `message`, from the peer at `flow`, makes: its next Record-Route below ours or its Contact, where
/// that is an address of the same family; else back to where the message came from. A URI that names no transport has that of the message:
/// §16.6 would take UDP, which a peer that was given TCP need not speak. `our_token` marks our value in a response.
pub(crate) fn next_hop(message: &Message<'_>, our_token: &str, flow: Flow, listeners: &[Listener]) -> Flow {
    let mut nearest = None;
    for value in message.values(HeaderName::RecordRoute) {
        if is_own(value.bytes, our_token) {
            break;
        }
        nearest = NameAddr::parse(value.bytes).ok();
    }
    let target = nearest.or_else(|| message.addresses(HeaderName::Contact).next().and_then(Result::ok));
    target.and_then(|target| target.uri().ok()).and_then(|uri| flow_to(&uri, flow, listeners)).unwrap_or(flow)
}

/// Where `uri` leads from beside `near`: an address of the same family, over what it asks for.
fn flow_to(uri: &Uri<'_>, near: Flow, listeners: &[Listener]) -> Option<Flow> {
    let nearby = listeners.get(usize::from(near.listener)).map_or(Transport::Udp, |listener| listener.transport);
    let transport = transport_of(uri).unwrap_or(nearby);
    let peer = address_of(uri, transport).filter(|peer| peer.is_ipv4() == near.peer.is_ipv4() && !peer.ip().is_unspecified())?;
    Some(Flow { listener: pick(listeners, near.listener, transport, peer)?, peer })
}

/// Where a request to a client can go when its connection `flow` is gone: to the address of its own that the request names with what `work`
/// makes of it, which is behind no NAT. `None` where there is no other.
pub(crate) fn instead_of(request: &Message<'_>, work: &RouteWork, flow: Flow, listeners: &[Listener]) -> Option<Flow> {
    instead_at(&work.leads_to(request)?, flow, listeners)
}

/// The same by the URI that leads to the client.
pub(crate) fn instead_at(target: &[u8], flow: Flow, listeners: &[Listener]) -> Option<Flow> {
    let other = flow_to(&Uri::parse(target).ok()?, flow, listeners)?;
    // The same listener: the Via of the request names it.
    (other != flow && other.listener == flow.listener && other.peer.ip() == flow.peer.ip()).then_some(other)
}

/// Values of Record-Route above ours in a response, nearest to us first: the route set of a request of our own towards the peer.
pub(crate) fn route_set<'a>(response: &Message<'a>, our_token: &str) -> Vec<&'a [u8]> {
    let mut values: Vec<&[u8]> =
        response.values(HeaderName::RecordRoute).map(|value| value.bytes).take_while(|value| !is_own(value, our_token)).collect();
    values.reverse();
    values
}

/// Where the responses to a request go: RFC 3261 §18.2.2 with RFC 3581 §4. Over a connection, back.
pub fn reply_flow(request: &Message<'_>, source: Flow, transport: Transport) -> Flow {
    reply_flow_by(&request.top_via(), source, transport)
}

/// The same by the topmost Via alone.
pub fn reply_flow_by(via: &Via<'_>, source: Flow, transport: Transport) -> Flow {
    if transport.is_reliable() {
        return source;
    }
    let port = match via.rport() {
        Some(_) => source.peer.port(),
        None => via.sent_by_port.unwrap_or(transport.default_port()),
    };
    Flow { listener: source.listener, peer: SocketAddr::new(source.peer.ip(), port) }
}
