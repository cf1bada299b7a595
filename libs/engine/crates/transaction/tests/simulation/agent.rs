//! A user agent over UDP or TCP: its transactions (RFC 3261 §17, RFC 6026) and its agenda. What they mean is said in `calling`, `answering`
//! and `dialog`.
//!
//! Without I/O as the core is, but written from the RFC and not from the core: messages and the time go in, messages come out.

use std::collections::BTreeSet;

use super::dialog::Dialog;
use super::script::{CalleeScript, CallerScript, Do, Reinvited};
use super::sip::{address, uri, Sip};

pub const T1_MS: u64 = 500;
pub const T2_MS: u64 = 4_000;
/// 64*T1.
pub const LIFETIME_MS: u64 = 32_000;
/// A caller that has rung this long hangs up, past Timer C of the edge.
const PATIENCE_MS: u64 = 240_000;

/// A request of ours.
#[derive(Clone, Debug)]
pub struct Client {
    pub request: Sip,
    /// Where it was sent.
    pub to: String,
    pub dialog: Option<usize>,
    pub is_proceeding: bool,
    /// Of an INVITE: to be cancelled when a provisional response comes (§9.1); its CANCEL has left.
    pub is_cancel_wanted: bool,
    pub is_cancelled: bool,
    pub status: Option<u16>,
    /// The ACK of its failure.
    pub ack: String,
    /// Nothing came in time.
    pub is_lost: bool,
    interval_ms: u64,
    resend_at_ms: Option<u64>,
    ends_at_ms: Option<u64>,
}

impl Client {
    pub fn is_open(&self) -> bool {
        self.status.is_none() && !self.is_lost
    }

    fn is_invite(&self) -> bool {
        self.request.method == "INVITE"
    }

    pub fn stop(&mut self) {
        (self.resend_at_ms, self.ends_at_ms) = (None, None);
    }
}

/// A request of somebody else.
#[derive(Clone, Debug)]
pub struct Server {
    pub request: Sip,
    /// Where it came from.
    pub from: String,
    pub last: String,
    pub status: Option<u16>,
    pub is_acked: bool,
    /// Its final response was sent for 64*T1 and nobody acknowledged it.
    pub is_unacked: bool,
    pub dialog: Option<usize>,
    /// The reliable provisional response that waits for its PRACK.
    pub rseq: Option<u32>,
    interval_ms: u64,
    resend_at_ms: Option<u64>,
    ends_at_ms: Option<u64>,
}

impl Server {
    pub fn is_open(&self) -> bool {
        self.status.is_none()
    }

    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| status < 300)
    }

    pub fn stop(&mut self) {
        (self.resend_at_ms, self.ends_at_ms) = (None, None);
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Task {
    pub at_ms: u64,
    pub what: Do,
    /// The INVITE or the dialog that it is about.
    pub about: usize,
}

/// A datagram to send, or a message by a connection.
#[derive(Clone, Debug)]
pub struct Mail {
    pub from: String,
    pub to: String,
    pub text: String,
    pub is_stream: bool,
}

#[derive(Debug)]
pub struct Agent {
    pub name: String,
    /// Where it is now, and where it was before: it still hears there.
    pub addresses: Vec<String>,
    /// A proxy in front of it, at the same address, records its route and wants to see every request of the dialog come by it.
    pub is_behind_proxy: bool,
    /// Speaks by TCP.
    pub is_stream: bool,
    /// Whose connections to us have ended: edges', each at a port of its own.
    pub gone: BTreeSet<String>,
    /// The edges it knows, the one to ask first in front, and those that did not answer.
    pub edges: Vec<String>,
    pub silent: Vec<String>,
    pub caller: Option<CallerScript>,
    pub callee: CalleeScript,
    pub reinvited: Reinvited,
    pub agenda: Vec<Task>,
    pub clients: Vec<Client>,
    pub servers: Vec<Server>,
    pub dialogs: Vec<Dialog>,
    pub out: Vec<Mail>,
    /// Of its own call: every final response that told something new, by INVITE.
    pub finals: Vec<(usize, u16)>,
    /// What no peer may send.
    pub wrongs: Vec<String>,
    /// Final responses to one INVITE that differ: what only an edge sends that has forgotten, because a copy of the INVITE found it.
    pub changes: Vec<String>,
    pub now_ms: u64,
    pub count: u32,
}

impl Agent {
    pub fn new(name: &str, address: &str, edges: &[&str], reinvited: Reinvited) -> Self {
        Self {
            name: name.to_owned(),
            addresses: vec![address.to_owned()],
            is_behind_proxy: false,
            is_stream: false,
            gone: BTreeSet::new(),
            edges: edges.iter().map(|edge| (*edge).to_owned()).collect(),
            silent: Vec::new(),
            caller: None,
            callee: CalleeScript::default(),
            reinvited,
            agenda: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            dialogs: Vec::new(),
            out: Vec::new(),
            finals: Vec::new(),
            wrongs: Vec::new(),
            changes: Vec::new(),
            now_ms: 0,
            count: 0,
        }
    }

    pub fn address(&self) -> &str {
        &self.addresses[0]
    }

    /// The same as it stands in a URI.
    pub fn contact(&self) -> String {
        format!("{}{}", self.address(), if self.is_stream { ";transport=tcp" } else { "" })
    }

    /// The beginning of its Via.
    pub fn via(&self, branch: &str) -> String {
        format!("SIP/2.0/{} {};rport;branch={branch}", if self.is_stream { "TCP" } else { "UDP" }, self.address())
    }

    /// The route that the proxy in front of it records.
    pub fn own_route(&self) -> String {
        format!("<sip:{};p={};lr>", self.contact(), self.name)
    }

    fn is_own_route(&self, value: &str) -> bool {
        value.contains(&format!(";p={};", self.name))
    }

    /// Routes of a dialog but for our own proxy's, which sends on what we send.
    pub fn without_own(&self, routes: Vec<&str>) -> Vec<String> {
        routes.into_iter().filter(|route| !self.is_own_route(route)).map(str::to_owned).collect()
    }

    /// A request of a dialog names where we said that we are, and comes by the routes that we recorded.
    pub fn check_way(&mut self, request: &Sip) {
        let start = request.start();
        let target = address(start.split(' ').nth(1).unwrap_or_default());
        if !self.addresses.iter().any(|known| known == target) {
            self.wrongs.push(format!("not for {}: {start}", self.name));
        }
        let routes = request.values("Route");
        if self.is_behind_proxy && !(routes.len() == 1 && self.is_own_route(routes[0])) {
            self.wrongs.push(format!("came by {routes:?} to {}: {start}", self.name));
        }
    }

    pub fn plan(&mut self, after_ms: u64, what: Do, about: usize) {
        self.agenda.push(Task { at_ms: self.now_ms + after_ms, what, about });
    }

    pub fn next_deadline(&self) -> Option<u64> {
        let clients = self.clients.iter().flat_map(|client| [client.resend_at_ms, client.ends_at_ms]);
        let servers = self.servers.iter().flat_map(|server| [server.resend_at_ms, server.ends_at_ms]);
        clients.chain(servers).flatten().chain(self.agenda.iter().map(|task| task.at_ms)).min()
    }

    pub fn on_time(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        let is_due = |at_ms: Option<u64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        for index in 0..self.clients.len() {
            if is_due(self.clients[index].ends_at_ms) {
                self.end_client(index);
            } else if is_due(self.clients[index].resend_at_ms) {
                self.resend_client(index);
            }
        }
        for index in 0..self.servers.len() {
            if is_due(self.servers[index].ends_at_ms) {
                self.end_server(index);
            } else if is_due(self.servers[index].resend_at_ms) {
                let server = &mut self.servers[index];
                server.interval_ms = (2 * server.interval_ms).min(T2_MS);
                server.resend_at_ms = Some(now_ms + server.interval_ms);
                self.send_last(index);
            }
        }
        let due: Vec<Task> = self.agenda.iter().filter(|task| task.at_ms <= now_ms).copied().collect();
        self.agenda.retain(|task| task.at_ms > now_ms);
        for task in due {
            self.perform(task);
        }
    }

    pub fn receive(&mut self, now_ms: u64, from: &str, text: &str) {
        self.now_ms = now_ms;
        let message = Sip::read(text);
        if message.is_request() {
            self.on_request(from, message);
        } else {
            self.on_response(&message);
        }
    }

    pub fn send(&mut self, to: &str, text: &str) {
        let from = self.address().to_owned();
        self.out.push(Mail { from, to: to.to_owned(), text: text.to_owned(), is_stream: self.is_stream });
    }

    /// Where requests for this address go now: an edge that was silent is not asked again while another is known.
    pub fn reachable(&self, address: &str) -> String {
        let other = self.edges.iter().find(|edge| !self.silent.contains(edge));
        match other {
            Some(other) if self.silent.iter().any(|silent| silent == address) => other.clone(),
            _ => address.to_owned(),
        }
    }

    pub fn next_branch(&mut self) -> String {
        self.count += 1;
        format!("z9hG4bK{}x{}", self.name, self.count)
    }

    /// Sends a request in a transaction of its own: to its topmost Route, else to the first edge.
    pub fn start_client(&mut self, text: &str, dialog: Option<usize>) -> usize {
        let request = Sip::read(text);
        let route = request.values("Route").first().map(|route| address(uri(route)).to_owned());
        let to = self.reachable(&route.unwrap_or_else(|| self.edges[0].clone()));
        self.start_client_at(request, dialog, to)
    }

    fn start_client_at(&mut self, request: Sip, dialog: Option<usize>, to: String) -> usize {
        self.send(&to, &request.text);
        self.clients.push(Client {
            request,
            to,
            dialog,
            is_proceeding: false,
            is_cancel_wanted: false,
            is_cancelled: false,
            status: None,
            ack: String::new(),
            is_lost: false,
            interval_ms: T1_MS,
            resend_at_ms: (!self.is_stream).then_some(self.now_ms + T1_MS),
            ends_at_ms: Some(self.now_ms + LIFETIME_MS),
        });
        self.clients.len() - 1
    }

    fn resend_client(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.interval_ms = if client.is_invite() { 2 * client.interval_ms } else { (2 * client.interval_ms).min(T2_MS) };
        client.resend_at_ms = (!self.is_stream).then_some(self.now_ms + client.interval_ms);
        let (to, text) = (client.to.clone(), client.request.text.clone());
        self.send(&to, &text);
    }

    /// Timer B or F, the caller's patience, or the end of waiting for copies of a final response.
    fn end_client(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.stop();
        if !client.is_open() {
            return;
        }
        if client.is_invite() && client.is_proceeding && !client.is_cancelled {
            return self.cancel(index);
        }
        client.is_lost = true;
        let (to, is_cancelled) = (client.to.clone(), client.is_cancelled);
        let is_retried = !is_cancelled && self.retry(index, &to);
        if !is_retried {
            self.on_lost(index);
        }
    }

    /// RFC 3263 §4.3: the same request to another edge, in a transaction of its own.
    fn retry(&mut self, index: usize, silent: &str) -> bool {
        if !self.silent.iter().any(|known| known == silent) {
            self.silent.push(silent.to_owned());
        }
        let is_ours = self.edges.iter().any(|edge| edge == silent);
        let (request, dialog) = (self.clients[index].request.clone(), self.clients[index].dialog);
        if !is_ours || self.reachable(silent) == silent || request.method == "CANCEL" {
            return false;
        }
        let branch = self.next_branch();
        let again = self.start_client(&request.text.replacen(&request.branch, &branch, 1), dialog);
        self.clients[again].is_cancel_wanted = self.clients[index].is_cancel_wanted;
        true
    }

    /// ICMP: nobody listens at this address. Where nobody else can be asked, the request is sent again all the same.
    pub fn on_unreachable(&mut self, now_ms: u64, address: &str) {
        self.now_ms = now_ms;
        let has_other = self.edges.iter().any(|edge| edge != address && !self.silent.contains(edge));
        if !has_other || !self.edges.iter().any(|edge| edge == address) {
            return;
        }
        for index in 0..self.clients.len() {
            let client = &self.clients[index];
            if client.is_open() && client.to == address && !client.is_proceeding && !client.is_cancelled {
                self.clients[index].is_lost = true;
                self.clients[index].stop();
                if !self.retry(index, address) {
                    self.on_lost(index);
                }
            }
        }
    }

    /// §18.4, RFC 3263 §4.3: what had no response goes to another edge. Where there is none it goes to the same by a new connection, and again
    /// until its transaction ends.
    pub fn on_closed(&mut self, now_ms: u64, address: &str) {
        self.now_ms = now_ms;
        if !self.edges.iter().any(|edge| edge == address) {
            self.gone.insert(address.to_owned());
            return;
        }
        self.on_unreachable(now_ms, address);
        for client in self.clients.iter_mut().filter(|client| client.is_open() && client.to == address && !client.is_proceeding) {
            client.resend_at_ms = Some(now_ms + client.interval_ms);
        }
    }

    /// The response's transaction: branch and method (§17.1.3).
    pub fn client_of(&self, response: &Sip) -> Option<usize> {
        self.clients.iter().position(|client| client.request.branch == response.branch && client.request.method == response.method)
    }

    /// A provisional response: no retransmission of an INVITE any more, and no end but patience's.
    pub fn proceed(&mut self, index: usize) {
        let now_ms = self.now_ms;
        let client = &mut self.clients[index];
        if client.is_invite() && !client.is_proceeding {
            (client.resend_at_ms, client.ends_at_ms) = (None, Some(now_ms + PATIENCE_MS));
        }
        client.is_proceeding = true;
        if client.is_cancel_wanted && !client.is_cancelled {
            self.cancel(index);
        }
    }

    pub fn finish(&mut self, index: usize, status: u16) {
        let client = &mut self.clients[index];
        client.stop();
        client.status = Some(status);
    }

    /// §9.1: now, or when the first provisional response has come. 64*T1 after it nobody waits for the INVITE's end any more.
    pub fn cancel(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if !client.is_open() || client.is_cancelled {
            return;
        }
        if !client.is_proceeding {
            client.is_cancel_wanted = true;
            return;
        }
        client.is_cancelled = true;
        client.ends_at_ms = Some(self.now_ms + LIFETIME_MS);
        let to = client.to.clone();
        let cancel = Sip::read(&hop_request("CANCEL", &client.request, client.request.value("To")));
        self.start_client_at(cancel, None, to);
    }

    pub fn start_server(&mut self, from: &str, request: Sip, dialog: Option<usize>) -> usize {
        self.servers.push(Server {
            request,
            from: from.to_owned(),
            last: String::new(),
            status: None,
            is_acked: false,
            is_unacked: false,
            dialog,
            rseq: None,
            interval_ms: T1_MS,
            resend_at_ms: None,
            ends_at_ms: None,
        });
        self.servers.len() - 1
    }

    pub fn server_of(&self, request: &Sip) -> Option<usize> {
        let method = if request.method == "ACK" { "INVITE" } else { &request.method };
        self.servers.iter().position(|server| server.request.branch == request.branch && server.request.method == method)
    }

    /// Sends a response; final ones of an INVITE, and reliable ones, again until somebody has heard them.
    pub fn answer(&mut self, index: usize, status: u16, text: String, is_repeated: bool) {
        let now_ms = self.now_ms;
        let server = &mut self.servers[index];
        server.last = text;
        if status >= 200 {
            server.status = Some(status);
            server.stop();
        }
        if is_repeated {
            server.interval_ms = T1_MS;
            // Timer G does not run over TCP (§17.2.1). What goes to the other end and not to the next hop alone is said again over it too
            // (§13.3.1.4, RFC 3262 §3).
            let is_resent = !self.is_stream || status < 300;
            (server.resend_at_ms, server.ends_at_ms) = (is_resent.then_some(now_ms + T1_MS), Some(now_ms + LIFETIME_MS));
        }
        self.send_last(index);
    }

    pub fn send_last(&mut self, index: usize) {
        let (from, text) = (self.servers[index].from.clone(), self.servers[index].last.clone());
        // §18.2.2: where its connection is gone, to whom the Via names.
        let to = if self.gone.contains(&from) { self.servers[index].request.sent_by().to_owned() } else { from };
        if !text.is_empty() {
            self.send(&to, &text);
        }
    }

    /// Nothing is left to do, whatever comes.
    pub fn is_at_rest(&self) -> bool {
        self.next_deadline().is_none()
    }
}

/// CANCEL, or the ACK of a failure: hop by hop, with the INVITE's own branch (§9.1, §17.1.1.3).
pub fn hop_request(method: &str, invite: &Sip, to: &str) -> String {
    let uri = invite.start().split(' ').nth(1).unwrap_or_default();
    let routes: String = invite.values("Route").iter().map(|route| format!("Route: {route}\r\n")).collect();
    format!(
        "{method} {uri} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\n{routes}From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\n\
         Content-Length: 0\r\n\r\n",
        invite.values("Via")[0],
        invite.value("From"),
        invite.call_id,
        invite.cseq,
    )
}
