//! Dialogs of a user agent, and the messages that it writes in them (RFC 3261 §12).

use super::agent::{Agent, Server};
use super::sip::{address, response, uri, Sip};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogState {
    Early,
    Confirmed,
    Over,
}

#[derive(Clone, Debug)]
pub struct Dialog {
    pub state: DialogState,
    pub call_id: String,
    pub local_tag: String,
    pub remote_tag: String,
    pub local: String,
    pub remote: String,
    pub cseq: u32,
    pub remote_cseq: u32,
    pub target: String,
    pub routes: Vec<String>,
    /// ACKs of our INVITEs by CSeq, each sent again for a retransmitted 2xx.
    pub acks: Vec<(u32, String)>,
    /// Reliable provisional responses that have got their PRACK.
    pub pracked: Vec<u32>,
    pub postponed: u32,
    pub is_callers: bool,
}

impl Agent {
    pub fn own_response(&self, server: usize, status: u16, fork: u8, lines: &str) -> String {
        let text = response(&self.servers[server].request, status, &self.own_tag(fork), &self.contact(), lines);
        let is_recorded = self.is_behind_proxy && (101..300).contains(&status) && self.servers[server].request.to_tag.is_empty();
        match is_recorded {
            true => text.replacen("Record-Route: ", &format!("Record-Route: {}\r\nRecord-Route: ", self.own_route()), 1),
            false => text,
        }
    }

    pub fn own_tag(&self, fork: u8) -> String {
        format!("{}f{fork}", self.name)
    }

    pub fn end_early(&mut self, call_id: &str) {
        for dialog in &mut self.dialogs {
            if dialog.call_id == call_id && dialog.state == DialogState::Early {
                dialog.state = DialogState::Over;
            }
        }
    }

    pub fn dialog_of(&self, request: &Sip) -> Option<usize> {
        self.any_dialog_of(request).filter(|dialog| self.dialogs[*dialog].state != DialogState::Over)
    }

    /// Those that are over too: a BYE may overtake the ACK.
    pub fn any_dialog_of(&self, request: &Sip) -> Option<usize> {
        self.dialogs.iter().rposition(|dialog| {
            dialog.call_id == request.call_id && dialog.local_tag == request.to_tag && dialog.remote_tag == request.from_tag
        })
    }

    pub fn reject(&mut self, from: &str, request: Sip, status: u16, dialog: Option<usize>) {
        let text = response(&request, status, &self.own_tag(9), &self.contact(), "");
        let is_invite = request.method == "INVITE";
        let server = self.start_server(from, request, dialog);
        self.answer(server, status, text, is_invite);
    }

    /// §15.1.2: the BYE ends the re-INVITE that is still open.
    pub fn end_pending(&mut self, dialog: usize) {
        let open = |server: &Server| server.dialog == Some(dialog) && server.is_open() && server.request.method == "INVITE";
        if let Some(server) = self.servers.iter().position(open) {
            let text = self.own_response(server, 487, 0, "");
            self.answer(server, 487, text, true);
        }
    }

    pub fn has_pending(&self, dialog: usize, method: &str) -> bool {
        self.clients.iter().any(|client| client.dialog == Some(dialog) && client.is_open() && client.request.method == method)
    }

    /// The dialog that a response of ours makes, or the one that the request came in.
    pub fn open_as_callee(&mut self, server: usize, fork: u8) -> usize {
        let request = self.servers[server].request.clone();
        if let Some(dialog) = self.servers[server].dialog.filter(|_| !request.to_tag.is_empty()) {
            return dialog;
        }
        let tag = self.own_tag(fork);
        let known = |dialog: &Dialog| dialog.call_id == request.call_id && dialog.local_tag == tag && dialog.remote_tag == request.from_tag;
        // An INVITE that came by another edge after the first one's dialog was over makes a new one.
        if let Some(dialog) = self.dialogs.iter().position(|dialog| known(dialog) && dialog.state != DialogState::Over) {
            return dialog;
        }
        self.dialogs.push(Dialog {
            state: DialogState::Early,
            call_id: request.call_id.clone(),
            local: format!("{};tag={tag}", request.value("To")),
            local_tag: tag,
            remote: request.value("From").to_owned(),
            remote_tag: request.from_tag.clone(),
            cseq: 0,
            remote_cseq: request.cseq,
            target: uri(request.value("Contact")).to_owned(),
            routes: self.without_own(request.values("Record-Route")),
            acks: Vec::new(),
            pracked: Vec::new(),
            postponed: 0,
            is_callers: false,
        });
        self.dialogs.len() - 1
    }

    pub fn open_as_caller(&mut self, message: &Sip) -> usize {
        let mut routes = self.without_own(message.values("Record-Route"));
        routes.reverse();
        let target = uri(message.value("Contact")).to_owned();
        let known = self.dialogs.iter().position(|dialog| dialog.call_id == message.call_id && dialog.remote_tag == message.to_tag);
        if let Some(dialog) = known {
            // §13.2.2.4: the route set is that of the 2xx.
            (self.dialogs[dialog].routes, self.dialogs[dialog].target) = (routes, target);
            return dialog;
        }
        self.dialogs.push(Dialog {
            state: DialogState::Early,
            call_id: message.call_id.clone(),
            local: message.value("From").to_owned(),
            local_tag: message.from_tag.clone(),
            remote: message.value("To").to_owned(),
            remote_tag: message.to_tag.clone(),
            cseq: 1,
            remote_cseq: 0,
            target,
            routes,
            acks: Vec::new(),
            pracked: Vec::new(),
            postponed: 0,
            is_callers: true,
        });
        self.dialogs.len() - 1
    }

    /// A request of the dialog; `cseq` where it is that of an INVITE: its ACK.
    pub fn write(&mut self, dialog: usize, method: &str, cseq: Option<u32>, lines: &str) -> String {
        let branch = self.next_branch();
        let (via, contact) = (self.via(&branch), self.contact());
        let dialog = &mut self.dialogs[dialog];
        let cseq = cseq.unwrap_or_else(|| {
            dialog.cseq += 1;
            dialog.cseq
        });
        let routes: String = dialog.routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
        format!(
            "{method} {} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n{routes}From: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:me@{contact}>\r\n{lines}Content-Length: 0\r\n\r\n",
            dialog.target, dialog.local, dialog.remote, dialog.call_id
        )
    }

    pub fn hang_up(&mut self, dialog: usize) {
        self.dialogs[dialog].state = DialogState::Over;
        let text = self.write(dialog, "BYE", None, "");
        self.start_client(&text, Some(dialog));
        self.end_pending(dialog);
    }

    pub fn send_in_dialog(&mut self, text: &str) {
        let request = Sip::read(text);
        let route = request.values("Route").first().map(|route| address(uri(route)).to_owned());
        if let Some(to) = route.map(|route| self.reachable(&route)) {
            self.send(&to, text);
        }
    }

    /// In a call that nobody has ended.
    pub fn is_in_call(&self) -> bool {
        self.dialogs.iter().any(|dialog| dialog.state != DialogState::Over)
    }
}
