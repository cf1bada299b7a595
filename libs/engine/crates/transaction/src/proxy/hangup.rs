//! Calls that the edge ends itself: BYE to both sides with the next CSeq and a Reason (RFC 3261 §12.2.1.1, §15.1.1, RFC 3326), or, before
//! the answer, CANCEL to the gateway and a refusal to the caller.

use trunkline_message::{DialogRequest, HeaderName, Message, Method, NameAddr};

use crate::action::{Disposition, FactKind, FailedBy, FailureCause, Flow};
use crate::forward;
use crate::plan::{CallId, Refusal};
use crate::renumber::{self, Raise};
use crate::route;
use crate::saved::Writer;
use crate::slab::Key;
use crate::token::Side;
use crate::token_parts::Reader;

use super::call::{contact_uri, Call, CallTimer, End};
use super::client::ClientRole;
use super::elsewhere::Elsewhere;
use super::ingress::refuse;
use super::leg::callee_tag;
use super::numbering::Numbering;
use super::phase::{Change, Phase};
use super::server::ServerRole;
use super::{Proxy, Turn};

/// A hang-up of the longest call that both sides refuse is tried again after this time, as long as its token lives.
const TRY_AGAIN_MS: u64 = 60_000;

/// What requests of our own need beside the call's row; made of the INVITE and its 2xx as they came.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    call_id: Vec<u8>,
    carrier: Carrier,
    /// Record-Route of the INVITE above us: the way to the customer.
    customer_routes: Vec<Vec<u8>>,
}

/// How the carrier is spoken to.
#[derive(Clone, Debug)]
struct Carrier {
    flow: Flow,
    /// Values with their tags, as the carrier wrote them.
    from: Vec<u8>,
    to: Vec<u8>,
    target: Vec<u8>,
    routes: Vec<Vec<u8>>,
}

/// Our BYEs are on their way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    end: End,
    /// Sides whose answer is awaited; the first that is through ends the call, the last that refuses keeps it.
    waiting_for: u8,
    /// Sides of a restored call that know nothing of it any more.
    gone: u8,
}

impl Dialog {
    /// `invite` as it came from the customer, `response` as it came from the carrier, `flow` where requests to it go.
    pub fn of(invite: &Message<'_>, response: &Message<'_>, own_token: &str, flow: Flow) -> Self {
        let value = |name| response.value(name).unwrap_or_default().to_vec();
        let contact = response.addresses(HeaderName::Contact).next().and_then(Result::ok);
        Self {
            call_id: response.call_id().to_vec(),
            carrier: Carrier {
                flow,
                from: value(HeaderName::From),
                to: value(HeaderName::To),
                target: forward::without_headers(contact.map_or(response.to().uri_bytes, |contact| contact.uri_bytes)).to_vec(),
                routes: route::route_set(response, own_token).into_iter().map(<[u8]>::to_vec).collect(),
            },
            customer_routes: invite.values(HeaderName::RecordRoute).map(|value| value.bytes.to_vec()).collect(),
        }
    }
}

impl Dialog {
    pub fn write(&self, out: &mut Writer, write_flow: impl FnOnce(&mut Writer, Flow) -> Option<()>) -> Option<()> {
        let Self { call_id, carrier: Carrier { flow, from, to, target, routes }, customer_routes } = self;
        [call_id, from, to, target].into_iter().for_each(|part| out.bytes(part));
        out.list(routes);
        out.list(customer_routes);
        write_flow(out, *flow)
    }

    /// `unreadable` is said where it cannot be read.
    pub fn read<E: Copy>(
        saved: &mut Reader<'_>,
        unreadable: E,
        read_flow: impl FnOnce(&mut Reader<'_>) -> Result<Flow, E>,
    ) -> Result<Self, E> {
        let mut part = || saved.long_bytes().ok_or(unreadable);
        let (call_id, from, to, target) = (part()?, part()?, part()?, part()?);
        let mut routes = || saved.list(Reader::long_bytes).ok_or(unreadable);
        let (routes, customer_routes) = (routes()?, routes()?);
        Ok(Self { call_id, carrier: Carrier { flow: read_flow(saved)?, from, to, target, routes }, customer_routes })
    }

    pub fn carrier_flow(&self) -> Flow {
        self.carrier.flow
    }

    /// Where requests to the carrier go.
    pub fn carrier_target(&self) -> &[u8] {
        &self.carrier.target
    }
}

impl Call {
    /// Target refresh in the dialog with this tag (§12.2.1.2): each side's requests go to the Contact that it gave last. Empty: it gave none. The
    /// customer is the same in all dialogs of a call.
    pub fn refresh_targets(&mut self, callee_tag: &[u8], customer: Vec<u8>, carrier: Vec<u8>) {
        if !customer.is_empty() {
            self.contact = customer;
        }
        let dialog = match self.callee_tag == callee_tag {
            true => self.dialog.as_deref_mut(),
            false => self.fork_mut(callee_tag).map(|fork| &mut fork.dialog),
        };
        if let Some(dialog) = dialog.filter(|_| !carrier.is_empty()) {
            dialog.carrier.target = carrier;
        }
    }

    /// CSeq of requests from this side.
    pub fn numbers_of(&mut self, side: Side) -> &mut Numbering {
        match side {
            Side::Customer => &mut self.numbers.from_customer,
            Side::Carrier => &mut self.numbers.from_carrier,
        }
    }

    fn numbers_to(&mut self, side: Side) -> &mut Numbering {
        match side {
            Side::Customer => self.numbers_of(Side::Carrier),
            Side::Carrier => self.numbers_of(Side::Customer),
        }
    }

    /// By how much the CSeq of a request of this side is raised, and the CSeq in its RAck.
    pub fn raise_of(&self, side: Side, request: &Message<'_>) -> Raise {
        let numbers = match side {
            Side::Customer => &self.numbers.from_customer,
            Side::Carrier => &self.numbers.from_carrier,
        };
        if !numbers.has_ours() {
            return Raise::default();
        }
        Raise {
            cseq: numbers.shift_of(request.cseq().number),
            rack: renumber::rack_number(request).map_or(0, |number| numbers.shift_of(number)),
        }
    }

    /// In the dialog of the call, whose number is `cseq`, and in those of forks.
    fn byes(&self, to: Side, cseq: u32, reason: &str) -> Vec<Bye> {
        let own = self.dialog.as_deref().map(|dialog| (dialog, self.callee_tag.as_slice(), cseq));
        let forks = self.forks.iter().map(|fork| {
            let number = if to == Side::Customer { fork.highest.saturating_add(1) } else { cseq };
            (&fork.dialog, fork.tag.as_slice(), number)
        });
        own.into_iter().chain(forks).map(|(dialog, tag, number)| self.bye_in(dialog, tag, to, number, reason)).collect()
    }

    fn bye_in(&self, dialog: &Dialog, callee_tag: &[u8], to: Side, cseq: u32, reason: &str) -> Bye {
        let call_id = dialog.call_id.clone();
        let mut lines = reason.to_owned();
        match to {
            Side::Carrier => {
                // It speaks for the caller, as all that the carrier gets from here.
                for value in &self.identity.asserted {
                    lines.push_str(&format!("P-Asserted-Identity: {value}\r\n"));
                }
                if !self.identity.privacy.is_empty() {
                    lines.push_str(&format!("Privacy: {}\r\n", self.identity.privacy));
                }
                let Carrier { flow, from, to, target, routes } = dialog.carrier.clone();
                Bye { flow, from, to, target, routes, call_id, cseq, lines }
            }
            Side::Customer => Bye {
                flow: self.customer,
                from: tagged(&self.called_address, callee_tag),
                to: tagged(&self.caller_address, &self.caller_tag),
                target: if self.contact.is_empty() { uri_of(&self.caller_address).to_vec() } else { self.contact.clone() },
                routes: dialog.customer_routes.clone(),
                call_id,
                cseq,
                lines,
            },
        }
    }
}

/// A BYE of ours but for its Via.
struct Bye {
    flow: Flow,
    from: Vec<u8>,
    to: Vec<u8>,
    target: Vec<u8>,
    routes: Vec<Vec<u8>>,
    call_id: Vec<u8>,
    cseq: u32,
    lines: String,
}

impl Bye {
    /// `None`: to no URI.
    fn leads_to(&self) -> Option<&[u8]> {
        match self.routes.first() {
            Some(route) => NameAddr::parse(route).ok().map(|route| route.uri_bytes),
            None => Some(&self.target),
        }
    }

    /// The first route is no loose router, and becomes the Request-URI.
    fn is_strict(&self) -> bool {
        let first = self.routes.first().and_then(|route| NameAddr::parse(route).ok()?.uri().ok());
        first.is_some_and(|uri| !uri.has_lr())
    }

    fn write(&self, via: &[u8]) -> Vec<u8> {
        let routes: Vec<&[u8]> = self.routes.iter().map(Vec::as_slice).collect();
        let request = DialogRequest {
            method: "BYE",
            remote_target: &self.target,
            routes: &routes,
            via,
            from: &self.from,
            to: &self.to,
            call_id: &self.call_id,
            cseq: self.cseq,
            lines: self.lines.as_bytes(),
        };
        let mut out = Vec::with_capacity(512);
        trunkline_message::write_request(&request, &mut out);
        out
    }
}

/// An INVITE without a Contact breaks §8.1.1.8; its From is the best guess.
fn uri_of(address: &[u8]) -> &[u8] {
    NameAddr::parse(address).map_or(address, |address| forward::without_headers(address.uri_bytes))
}

fn tagged(address: &[u8], tag: &[u8]) -> Vec<u8> {
    match tag {
        b"" => address.to_vec(),
        tag => [address, b";tag=", tag].concat(),
    }
}

/// `Reason: Q.850;cause=16;text="T601 Ended By Command"` (RFC 3326 §2).
fn reason_line(reason: &Refusal) -> String {
    format!("Reason: Q.850;cause={};text=\"{} {}\"\r\n", reason.q850, reason.code, reason.text)
}

fn bit(side: Side) -> u8 {
    match side {
        Side::Customer => 1,
        Side::Carrier => 2,
    }
}

impl Proxy {
    /// Nothing happens to a call that is being ended already.
    pub(super) fn hang_up_call(&mut self, turn: &mut Turn<'_>, key: Key, reason: &Refusal) {
        let Some((id, phase)) = self.calls.get(key).map(|call| (call.id, call.phase)) else { return };
        let said = || FactKind::HungUp { reason: reason.code.clone(), facts: reason.facts.clone() };
        match phase {
            Phase::Deciding => self.refuse_call(turn, key, reason),
            Phase::Trying | Phase::Ringing | Phase::Skipping | Phase::Overdue => {
                turn.fact(id, said());
                self.abandon_try(turn, key, reason_line(reason).as_bytes());
                self.say_gateway_failed(turn, key, 0, FailureCause::Cancelled);
                self.fail_call(turn, key, reason, FailedBy::Edge);
            }
            Phase::Answered => {
                turn.fact(id, said());
                self.send_byes(turn, key, reason);
            }
            Phase::Cancelled | Phase::Closing | Phase::Over => {}
        }
    }

    /// No bound on transactions holds here: for each call that there may be they are two, and two more for each fork, of which there are
    /// `cancel::MAX_HUNG_UP` at most.
    fn send_byes(&mut self, turn: &mut Turn<'_>, key: Key, reason: &Refusal) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.change(Change::HangUp);
        let id = call.id;
        let end = call.ended_by_us(reason, turn.now.unix_ns);
        call.ending = Some(Ending { end, waiting_for: bit(Side::Customer) | bit(Side::Carrier), gone: 0 });
        self.save_later(turn.now.ms, key);
        let line = reason_line(reason);
        for side in [Side::Customer, Side::Carrier] {
            if self.send_bye(turn, key, side, &line).is_none() {
                self.on_bye_refused(turn, id, side);
            }
        }
        if let Some((client, forks)) = self.calls.get_mut(key).map(|call| (call.current, std::mem::take(&mut call.forks))) {
            forks.iter().for_each(|fork| self.remember_hung_up(client, &fork.tag));
        }
    }

    /// `None`: there is no number left for it.
    fn send_bye(&mut self, turn: &mut Turn<'_>, key: Key, side: Side, reason: &str) -> Option<()> {
        let call = self.calls.get_mut(key)?;
        let cseq = call.numbers_to(side).take()?;
        let (id, byes, is_flow_gone) = (call.id, call.byes(side, cseq, reason), call.is_flow_gone);
        if byes.is_empty() {
            return None;
        }
        for (at, mut bye) in byes.into_iter().enumerate() {
            let role = if at == 0 { ClientRole::HangUp { call: id, side } } else { ClientRole::Nobody };
            if side == Side::Customer && is_flow_gone && self.transport(bye.flow).is_reliable() {
                let own_address = bye.leads_to().and_then(|target| route::instead_at(target, bye.flow, &self.config.listeners));
                bye.flow = own_address.unwrap_or(bye.flow);
            }
            let (ours, is_strict) = (self.listener(bye.flow.listener), bye.is_strict());
            let client = self.send_request(turn, bye.flow, role, "0", Method::Bye, |branch| bye.write(&forward::via(ours, branch)));
            if side == Side::Customer {
                self.allow_elsewhere(client, Elsewhere::OwnAddress { is_strict });
            }
        }
        Some(())
    }

    /// The final status of a BYE of ours, or 408 where none came.
    pub(super) fn on_own_bye_answered(&mut self, turn: &mut Turn<'_>, id: CallId, side: Side, status: u16) {
        match status {
            0..=199 => {}
            200..=299 => self.end_hung_up(turn, id),
            408 | 481 if self.is_confirmed(id) => self.end_hung_up(turn, id),
            408 | 481 => self.on_side_gone(turn, id, side),
            _ => self.on_bye_refused(turn, id, side),
        }
    }

    fn is_confirmed(&self, id: CallId) -> bool {
        self.call_ids.get(&id).and_then(|key| self.calls.get(*key)).is_none_or(|call| call.is_confirmed)
    }

    /// Of a restored call: it may have ended long ago. Where neither side knows it, nobody says when; its record presumes an end.
    fn on_side_gone(&mut self, turn: &Turn<'_>, id: CallId, side: Side) {
        let Some(key) = self.call_ids.get(&id).copied() else { return };
        let Some(ending) = self.calls.get_mut(key).and_then(|call| call.ending.as_mut()) else { return };
        ending.gone |= bit(side);
        match ending.gone == bit(Side::Customer) | bit(Side::Carrier) {
            true => self.drop_call(key),
            false => self.on_bye_refused(turn, id, side),
        }
    }

    fn end_hung_up(&mut self, turn: &mut Turn<'_>, id: CallId) {
        let call = self.call_ids.get(&id).and_then(|key| self.calls.get(*key));
        let ending = call.and_then(|call| call.ending);
        // Without it the call has ended already: by the other side's answer, or by a BYE.
        if let Some(ending) = ending {
            self.hung_up.insert(id);
            self.end_call(turn, id, ending.end);
        }
    }

    /// A side that refuses stays in the dialog (§12.2.2): where both do, the call goes on.
    fn on_bye_refused(&mut self, turn: &Turn<'_>, id: CallId, side: Side) {
        let Some(call) = self.call_ids.get(&id).and_then(|key| self.calls.get_mut(*key)) else { return };
        let Some(ending) = &mut call.ending else { return };
        ending.waiting_for &= !bit(side);
        if ending.waiting_for == 0 {
            call.ending = None;
            call.change(Change::Refuse);
            self.save_call_later(turn.now.ms, id);
        }
    }

    /// A 2xx to a re-INVITE or an UPDATE is a target refresh of both sides (§12.2).
    pub(super) fn refresh_targets(&mut self, turn: &Turn<'_>, server: Key, id: CallId, is_from_carrier: bool, response: &Message<'_>) {
        let is_refresh = matches!(response.method(), Method::Invite | Method::Update) && matches!(response.status(), Some(200..=299));
        let Some(request) = self.servers.get(server).filter(|_| is_refresh).and_then(|server| server.request.as_deref()) else { return };
        let (asked, answered) = (contact_uri(&request.view()), contact_uri(response));
        let (side, customer, carrier) = if is_from_carrier { (Side::Carrier, answered, asked) } else { (Side::Customer, asked, answered) };
        if let Some(call) = self.call_ids.get(&id).and_then(|key| self.calls.get_mut(*key)) {
            call.refresh_targets(callee_tag(side, &request.view()).unwrap_or_default(), customer, carrier);
        }
        self.save_call_later(turn.now.ms, id);
    }

    /// A request of a dialog that we are ending or have ended. `None`: it passes. An ACK always does.
    /// `is_main` is the call's own dialog.
    pub(super) fn serve_ending(
        &mut self,
        turn: &mut Turn<'_>,
        flow: Flow,
        id: CallId,
        is_main: bool,
        request: &Message<'_>,
    ) -> Option<Disposition> {
        let row = self.call_ids.get(&id).and_then(|key| self.calls.get(*key));
        let is_closing = row.is_some_and(|call| call.phase == Phase::Closing);
        // Ours is under way in each dialog but in those that a restored row has forgotten.
        let is_forgotten = !is_main && row.is_some_and(Call::is_restored);
        match request.method() {
            Method::Ack => None,
            Method::Bye if is_closing && is_forgotten => None,
            // The BYE of a side has crossed ours: it is out of the dialog, whatever it says to ours.
            Method::Bye if is_closing => {
                let key = self.insert_server(request, flow, ServerRole::Answered);
                if is_main {
                    self.end_hung_up(turn, id);
                }
                self.respond_plain(turn, key, 200);
                Some(Disposition::Done)
            }
            _ if is_closing || self.hung_up.contains(id) => Some(refuse(481, "T108")),
            _ => None,
        }
    }

    /// The call has lasted as long as it may. Where both sides refuse the BYE it is tried again; with the token's end it is over all the same.
    pub(super) fn on_longest(&mut self, turn: &mut Turn<'_>, key: Key) {
        let reason = self.config.longest_refusal.clone();
        self.hang_up_call(turn, key, &reason);
        let Some(call) = self.calls.get_mut(key) else { return };
        let end_ns = call.start_ns.saturating_add(u64::from(self.config.token_lifetime_s) * 1_000_000_000);
        let left_ms = end_ns.saturating_sub(turn.now.unix_ns) / 1_000_000;
        if left_ms == 0 && !call.is_confirmed {
            return self.drop_call(key);
        }
        if left_ms == 0 {
            let end = call.ended_by_us(&reason, turn.now.unix_ns);
            let id = call.id;
            self.hung_up.insert(id);
            return self.end_call(turn, id, end);
        }
        call.timers.start(CallTimer::Longest as usize, turn.now.ms + TRY_AGAIN_MS.min(left_ms));
        self.arm_call(turn, key);
    }
}
