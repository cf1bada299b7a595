//! What was hidden of one side, given back where its requests come from the other: out of their Request-URI, the token, or the call's row.

use trunkline_message::{HeaderName, Message, Uri};

use crate::hiding::{self, Cover};
use crate::route::{self, RouteWork};
use crate::saved::Writer;
use crate::sealing::{Binding, Purpose};
use crate::token::{HiddenRoutes, Side, Token};
use crate::token_parts::Reader;
use crate::transport::Listener;

use super::call::{contact_uri, Call};
use super::Proxy;

/// Dialogs of one call whose routes are kept: those of forked answers. One more for the customer's side.
const MAX_ROUTE_SETS: usize = 9;

/// Routes that a side wrote and the other was not shown, for requests to it.
#[derive(Clone, Debug)]
pub(super) struct HiddenSet {
    /// Who wrote them.
    side: Side,
    /// Of a carrier's: the dialog's.
    callee_tag: Vec<u8>,
    routes: Vec<Vec<u8>>,
}

impl HiddenSet {
    pub fn write(&self, out: &mut Writer) {
        out.flags([self.side == Side::Carrier]);
        out.bytes(&self.callee_tag);
        out.list(&self.routes);
    }

    pub fn read(saved: &mut Reader<'_>) -> Option<Self> {
        let [is_carriers] = saved.flags()?;
        let side = if is_carriers { Side::Carrier } else { Side::Customer };
        Some(Self { side, callee_tag: saved.long_bytes()?, routes: saved.list(Reader::long_bytes)? })
    }
}

impl Call {
    /// Kept beside the Record-Route, which has them only where they fit.
    pub fn keep_routes(&mut self, side: Side, callee_tag: &[u8], routes: &[Vec<u8>]) {
        self.hidden.retain(|set| set.side != side || set.callee_tag != callee_tag);
        if !routes.is_empty() && self.hidden.len() < MAX_ROUTE_SETS {
            self.hidden.push(HiddenSet { side, callee_tag: callee_tag.to_vec(), routes: routes.to_vec() });
        }
    }

    fn routes_of(&self, side: Side, callee_tag: &[u8]) -> Option<&Vec<Vec<u8>>> {
        self.hidden.iter().find(|set| set.side == side && set.callee_tag == callee_tag).map(|set| &set.routes)
    }

    /// Where requests to this side go, as it said last.
    fn target_of(&self, side: Side) -> &[u8] {
        match side {
            Side::Customer => &self.contact,
            Side::Carrier => self.dialog.as_ref().map_or(b"", |dialog| dialog.carrier_target()),
        }
    }
}

/// Routes of the customer's side, in the order in which requests to it have them.
pub(super) fn customer_routes(invite: &Message<'_>) -> HiddenRoutes {
    Some(invite.values(HeaderName::RecordRoute).map(|value| value.bytes.to_vec()).collect())
}

/// The same of the carrier's side.
pub(super) fn carrier_routes(response: &Message<'_>, own_token: &str) -> HiddenRoutes {
    Some(route::route_set(response, own_token).into_iter().map(<[u8]>::to_vec).collect())
}

impl Proxy {
    /// For `message` of a hidden call on its way to `holder`, who has us on `listener`: a request of the side `requester`, or a response to
    /// one of its requests.
    pub(super) fn cover(&mut self, now_s: u64, message: &Message<'_>, requester: Side, holder: Side, listener: u16) -> Cover {
        let is_failure = message.status().is_some_and(|status| status >= 300);
        let uri = contact_uri(message);
        // A Contact of a failure is where the other side would have us look on (RFC 3261 §8.1.3.4); nobody is shown it.
        if uri.is_empty() || is_failure {
            return Cover::default();
        }
        let binding = Binding::of(message, requester, holder);
        let is_bound = holder == Side::Carrier || !binding.callee_tag.is_empty();
        let sealed = match is_bound {
            true => self.ring.seal_bytes(&mut self.entropy, now_s, Purpose::Contact, binding, |room| {
                // One byte too many is refused: the row has the long ones.
                uri[..uri.len().min(room + 1)].to_vec()
            }),
            false => None,
        };
        Cover { contact: hiding::contact(self.listener(listener), &sealed.unwrap_or_default()) }
    }

    /// The target and the routes of a request of the side `token.side`, which it was not shown.
    pub(super) fn uncovered(&self, now_s: u64, token: &Token, call: Option<&Call>, request: &Message<'_>, work: &RouteWork) -> RouteWork {
        let (sender, other) = match token.side {
            Side::Customer => (Side::Customer, Side::Carrier),
            Side::Carrier => (Side::Carrier, Side::Customer),
        };
        let binding = Binding::of(request, sender, sender);
        let uri = Uri::parse(work.request_uri(request)).ok();
        let sealed = uri.and_then(|uri| uri.user).and_then(|user| self.ring.open_bytes(now_s, Purpose::Contact, user, binding));
        let kept = || call.map(|call| call.target_of(other).to_vec()).filter(|target| !target.is_empty());
        // Whoever is there knows what it wrote. What is no URI in its Contact would make a request that nobody can read.
        let target = sealed.or_else(kept).filter(|target| Uri::parse(target).is_ok());
        let target = target.unwrap_or_else(|| hiding::place(Listener { address: token.next_hop.peer, transport: token.transport }));
        let callee_tag = match other {
            Side::Customer => b"",
            Side::Carrier => request.to_tag().unwrap_or_default(),
        };
        let routes = token.routes.as_ref().or_else(|| call.and_then(|call| call.routes_of(other, callee_tag)));
        RouteWork::anew(request, &target, routes.map_or(&[], Vec::as_slice))
    }
}
