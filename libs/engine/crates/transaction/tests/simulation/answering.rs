//! How a user agent takes requests: as the callee of a call, and in dialogs from either side (RFC 3261 §8.2, §12.2.2, §13.3, §14.2, §15.1.2).

use super::agent::{Agent, Server, Task};
use super::dialog::DialogState;
use super::script::{Do, Reinvited};
use super::sip::{uri, Sip};

impl Agent {
    /// Of an INVITE outside dialogs that is still open.
    pub fn provide(&mut self, server: usize, status: u16, fork: u8, is_reliable: bool) {
        if !self.servers[server].is_open() {
            return;
        }
        let lines = match is_reliable {
            true => "Require: 100rel\r\nRSeq: 1\r\n",
            false => "",
        };
        let text = self.own_response(server, status, fork, lines);
        if status > 100 {
            self.open_as_callee(server, fork);
        }
        self.servers[server].rseq = is_reliable.then_some(1);
        self.answer(server, status, text, is_reliable);
    }

    pub fn finally(&mut self, task: Task, status: u16, fork: u8) {
        let server = task.about;
        // The second 2xx of a forked INVITE comes though there is one already.
        let is_fork = status < 300 && self.servers[server].is_accepted() && fork > 0;
        if !(self.servers[server].is_open() || is_fork) {
            return;
        }
        if self.servers[server].rseq.is_some() && status < 300 {
            // RFC 3262 §3: not before the PRACK.
            self.agenda.push(Task { at_ms: self.now_ms + 500, ..task });
            return;
        }
        let text = self.own_response(server, status, fork, "");
        if status < 300 {
            let dialog = self.open_as_callee(server, fork);
            self.dialogs[dialog].state = DialogState::Confirmed;
            // The proxy that forked cancels its other branches.
            self.end_early(&self.servers[server].request.call_id.clone());
            if is_fork {
                // Another user agent behind the same proxy: its INVITE is a copy of that of the first.
                let copy = self.servers[server].clone();
                self.servers.push(copy);
                let index = self.servers.len() - 1;
                self.servers[index].dialog = Some(dialog);
                self.servers[index].is_acked = false;
                return self.answer(index, status, text, true);
            }
            self.servers[server].dialog = Some(dialog);
        } else {
            self.end_early(&self.servers[server].request.call_id.clone());
        }
        self.answer(server, status, text, true);
    }

    /// Timer H, or nobody acknowledged our 2xx or our reliable response for 64*T1.
    pub fn end_server(&mut self, index: usize) {
        let server = &mut self.servers[index];
        server.stop();
        match server.status {
            None => {
                server.rseq = None;
                let text = self.own_response(index, 504, 0, "");
                self.end_early(&self.servers[index].request.call_id.clone());
                self.answer(index, 504, text, true);
            }
            Some(_) if server.is_acked => {}
            Some(status) => {
                server.is_unacked = true;
                // §13.3.1.4: the dialog is confirmed all the same and is ended.
                let dialog = server.dialog.filter(|_| status < 300);
                if let Some(dialog) = dialog.filter(|dialog| self.dialogs[*dialog].state != DialogState::Over) {
                    self.hang_up(dialog);
                }
            }
        }
    }

    pub fn on_request(&mut self, from: &str, request: Sip) {
        let known = self.server_of(&request);
        match (request.method.as_str(), known) {
            ("ACK", _) => self.on_ack(&request, known),
            ("CANCEL", None) if self.invite_of(&request).is_none() => self.reject(from, request, 481, None),
            ("CANCEL", None) => self.on_cancel(from, request),
            (_, Some(server)) => self.send_last(server),
            ("INVITE", None) if request.to_tag.is_empty() => self.on_invite(from, request),
            (_, None) => self.on_dialog_request(from, request),
        }
    }

    pub fn invite_of(&self, request: &Sip) -> Option<usize> {
        self.servers.iter().position(|server| server.request.branch == request.branch && server.request.method == "INVITE")
    }

    pub fn on_invite(&mut self, from: &str, request: Sip) {
        if self.caller.is_some() {
            self.wrongs.push(format!("a caller was invited: {}", request.start()));
        }
        // §8.2.2.2: the same request by another way, as after its edge died.
        let is_merged = self.servers.iter().any(|server| {
            let known = &server.request;
            let is_same = (&known.call_id, &known.from_tag, known.cseq) == (&request.call_id, &request.from_tag, request.cseq);
            known.method == "INVITE" && is_same && !(server.status.is_some() && server.is_acked)
        });
        if is_merged {
            return self.reject(from, request, 482, None);
        }
        let server = self.start_server(from, request, None);
        for (after_ms, what) in self.callee.when_invited.clone() {
            self.plan(after_ms, what, server);
        }
    }

    pub fn on_cancel(&mut self, from: &str, request: Sip) {
        let Some(invite) = self.invite_of(&request) else { return };
        let is_obeyed = self.servers[invite].is_open() && !self.callee.ignores_cancel;
        self.reject(from, request, 200, None);
        if is_obeyed {
            self.servers[invite].rseq = None;
            self.finally(Task { at_ms: self.now_ms, what: Do::Answer(487, 0), about: invite }, 487, 0);
        }
    }

    pub fn on_ack(&mut self, ack: &Sip, known: Option<usize>) {
        if let Some(server) = known.filter(|server| !self.servers[*server].is_accepted()) {
            self.servers[server].is_acked = true;
            return self.servers[server].stop();
        }
        let Some(dialog) = self.any_dialog_of(ack) else {
            if !self.servers.iter().any(|server| server.request.call_id == ack.call_id) {
                self.wrongs.push(format!("an ACK of a stranger's call: {}", ack.start()));
            }
            return;
        };
        self.check_way(ack);
        let accepted = |server: &Server| {
            server.dialog == Some(dialog) && server.is_accepted() && server.request.cseq == ack.cseq && server.request.method == "INVITE"
        };
        let Some(server) = self.servers.iter().position(accepted) else { return };
        let is_first = !std::mem::replace(&mut self.servers[server].is_acked, true);
        self.servers[server].stop();
        let is_first_dialog = !self.dialogs[..dialog].iter().any(|known| known.call_id == ack.call_id && known.state != DialogState::Over);
        if is_first && self.servers[server].request.to_tag.is_empty() && is_first_dialog {
            for (after_ms, what) in self.callee.when_acknowledged.clone() {
                self.plan(after_ms, what, dialog);
            }
        }
    }

    pub fn on_dialog_request(&mut self, from: &str, request: Sip) {
        let Some(dialog) = self.dialog_of(&request) else { return self.reject(from, request, 481, None) };
        self.check_way(&request);
        if request.cseq <= self.dialogs[dialog].remote_cseq {
            // §12.2.2: out of order.
            return self.reject(from, request, 500, Some(dialog));
        }
        self.dialogs[dialog].remote_cseq = request.cseq;
        let contact = request.values("Contact").first().map(|contact| uri(contact).to_owned());
        match request.method.as_str() {
            "BYE" => {
                self.dialogs[dialog].state = DialogState::Over;
                self.reject(from, request, 200, Some(dialog));
                self.end_pending(dialog);
            }
            "INVITE" => self.on_reinvite(from, request, dialog, contact),
            "PRACK" => self.on_prack(from, request, dialog),
            "UPDATE" if self.has_pending(dialog, "UPDATE") => self.reject(from, request, 491, Some(dialog)),
            _ => {
                if let ("UPDATE", Some(contact)) = (request.method.as_str(), contact) {
                    self.dialogs[dialog].target = contact;
                }
                self.reject(from, request, 200, Some(dialog));
            }
        }
    }

    pub fn on_reinvite(&mut self, from: &str, request: Sip, dialog: usize, contact: Option<String>) {
        let is_invited = self.servers.iter().any(|server| {
            server.dialog == Some(dialog) && server.request.method == "INVITE" && server.is_open() && !server.request.to_tag.is_empty()
        });
        // §14.2.
        match (self.has_pending(dialog, "INVITE"), is_invited) {
            (true, _) => return self.reject(from, request, 491, Some(dialog)),
            (_, true) => return self.reject(from, request, 500, Some(dialog)),
            _ => {}
        }
        if let Some(contact) = contact {
            self.dialogs[dialog].target = contact;
        }
        let server = self.start_server(from, request, Some(dialog));
        let (after_ms, status) = match self.reinvited {
            Reinvited::At(after_ms, status) => (after_ms, status),
            Reinvited::Slowly(after_ms, status) => {
                let text = self.own_response(server, 100, 0, "");
                self.answer(server, 100, text, false);
                (after_ms, status)
            }
        };
        // A fork of its own number, so that no early dialog is opened: the To-tag is the dialog's.
        self.plan(after_ms, Do::Answer(status, 0), server);
    }

    pub fn on_prack(&mut self, from: &str, request: Sip, dialog: usize) {
        let rseq = request.value("RAck").split(' ').next().and_then(|rseq| rseq.parse().ok());
        let asked = self.servers.iter().position(|server| {
            server.rseq.is_some() && server.rseq == rseq && server.is_open() && server.request.call_id == request.call_id
        });
        let status = if asked.is_some() { 200 } else { 481 };
        if let Some(server) = asked {
            self.servers[server].rseq = None;
            self.servers[server].stop();
        }
        self.reject(from, request, status, Some(dialog));
    }
}
