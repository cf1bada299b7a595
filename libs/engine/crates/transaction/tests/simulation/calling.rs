//! What a user agent does of its own, and how it takes the responses: as the caller of a call, and in dialogs from either side (RFC 3261
//! §12.2.1, §13.2, §14.1, RFC 3262, RFC 3311).

use super::agent::{hop_request, Agent, Task};
use super::dialog::DialogState;
use super::script::Do;
use super::sip::Sip;

/// Something that cannot be done yet is tried again this often.
const MAX_POSTPONED: u32 = 60;

impl Agent {
    /// Does what is on the agenda, where it still makes sense.
    pub fn perform(&mut self, task: Task) {
        match task.what {
            Do::Invite => self.invite(),
            Do::Cancel => {
                let invite = self.clients.iter().position(|client| client.request.method == "INVITE" && client.is_open());
                if let Some(invite) = invite {
                    self.cancel(invite);
                }
            }
            Do::Move => {
                let old = self.addresses[0].clone();
                self.addresses.insert(0, old.replacen("10.1.", "10.3.", 1));
            }
            Do::Try => self.provide(task.about, 100, 0, false),
            Do::Ring(fork) => self.provide(task.about, 180, fork, false),
            Do::RingReliably(fork) => self.provide(task.about, 183, fork, true),
            Do::Answer(status, fork) => self.finally(task, status, fork),
            Do::Reinvite | Do::Update | Do::Info => self.request_in_dialog(task),
            Do::HangUp => {
                if self.dialogs[task.about].state == DialogState::Confirmed {
                    self.hang_up(task.about);
                }
            }
        }
    }

    pub fn invite(&mut self) {
        let branch = self.next_branch();
        let (via, contact, name) = (self.via(&branch), self.contact(), self.name.clone());
        let recorded = if self.is_behind_proxy { format!("Record-Route: {}\r\n", self.own_route()) } else { String::new() };
        let text = format!(
            "INVITE sip:+31201234567@acme.sip.trunkline.test SIP/2.0\r\nVia: {via}\r\n\
             Max-Forwards: 69\r\nFrom: \"Alice\" <sip:31000000@acme.sip.trunkline.test>;tag={name}\r\n\
             To: <sip:+31201234567@acme.sip.trunkline.test>\r\nCall-ID: call-of-{name}\r\nCSeq: 1 INVITE\r\n\
             {recorded}Contact: <sip:31000000@{contact}>\r\nSupported: 100rel\r\nContent-Length: 0\r\n\r\n"
        );
        self.start_client(&text, None);
    }

    pub fn request_in_dialog(&mut self, task: Task) {
        let (dialog, is_reinvite) = (task.about, task.what == Do::Reinvite);
        let is_invited = self.servers.iter().any(|server| server.dialog == Some(dialog) && server.is_open());
        let is_busy =
            self.has_pending(dialog, "INVITE") || self.has_pending(dialog, "UPDATE") || self.has_pending(dialog, "PRACK") || is_invited;
        match self.dialogs[dialog].state {
            DialogState::Over => return,
            DialogState::Confirmed if !is_busy => {}
            DialogState::Early if !is_reinvite && !is_busy => {}
            _ => {
                self.dialogs[dialog].postponed += 1;
                if self.dialogs[dialog].postponed < MAX_POSTPONED {
                    self.agenda.push(Task { at_ms: self.now_ms + 500, ..task });
                }
                return;
            }
        }
        let method = match task.what {
            Do::Reinvite => "INVITE",
            Do::Update => "UPDATE",
            _ => "INFO",
        };
        let text = self.write(dialog, method, None, "");
        self.start_client(&text, Some(dialog));
    }

    pub fn on_response(&mut self, message: &Sip) {
        let Some(client) = self.client_of(message) else { return };
        let status = message.status.unwrap_or_default();
        match (message.method.as_str(), status) {
            ("INVITE", 100..=199) if self.clients[client].is_open() => {
                self.proceed(client);
                if status > 100 && !message.to_tag.is_empty() && self.clients[client].dialog.is_none() {
                    self.on_ringing(message);
                }
            }
            ("INVITE", 100..=199) => {}
            ("INVITE", 200..=299) => self.on_accepted(client, message, status),
            ("INVITE", _) => self.on_failed(client, message, status),
            (_, 100..=199) => self.proceed(client),
            _ if !self.clients[client].is_open() => {}
            _ => {
                self.finish(client, status);
                if let (Some(dialog), 481 | 408, true) = (self.clients[client].dialog, status, message.method != "BYE") {
                    self.dialogs[dialog].state = DialogState::Over;
                }
            }
        }
    }

    pub fn on_ringing(&mut self, message: &Sip) {
        let is_first = self.dialogs.is_empty();
        let dialog = self.open_as_caller(message);
        if self.dialogs[dialog].state != DialogState::Early {
            return;
        }
        let rseq = message.values("RSeq").first().and_then(|rseq| rseq.parse::<u32>().ok());
        if let Some(rseq) = rseq.filter(|rseq| !self.dialogs[dialog].pracked.contains(rseq)) {
            self.dialogs[dialog].pracked.push(rseq);
            let text = self.write(dialog, "PRACK", None, &format!("RAck: {rseq} {} INVITE\r\n", message.cseq));
            self.start_client(&text, Some(dialog));
        }
        if is_first {
            for (after_ms, what) in self.caller.as_ref().map(|caller| caller.when_ringing.clone()).unwrap_or_default() {
                self.plan(after_ms, what, dialog);
            }
        }
    }

    /// Every 2xx is acknowledged, and every dialog but the first is hung up (§13.2.2.4); so is one that nobody waits for any more.
    pub fn on_accepted(&mut self, client: usize, message: &Sip, status: u16) {
        let is_initial = self.clients[client].dialog.is_none();
        if let Some(status) = self.clients[client].status.filter(|status| *status >= 300) {
            self.changes.push(format!("a 2xx after {status} for {}", self.clients[client].request.start()));
            return;
        }
        let dialog = match self.clients[client].dialog {
            Some(dialog) => dialog,
            None => self.open_as_caller(message),
        };
        if let Some((_, ack)) = self.dialogs[dialog].acks.iter().find(|(cseq, _)| *cseq == message.cseq).cloned() {
            return self.send_in_dialog(&ack);
        }
        let is_waited_for = self.clients[client].is_open() && !self.clients[client].is_cancelled;
        let is_first = self.clients[client].status.is_none();
        self.finish(client, status);
        let ack = self.write(dialog, "ACK", Some(message.cseq), "");
        self.dialogs[dialog].acks.push((message.cseq, ack.clone()));
        self.send_in_dialog(&ack);
        if !is_initial {
            return;
        }
        self.finals.push((client, status));
        self.dialogs[dialog].state = DialogState::Confirmed;
        if is_first && is_waited_for {
            self.end_early(&message.call_id);
            for (after_ms, what) in self.caller.as_ref().map(|caller| caller.when_answered.clone()).unwrap_or_default() {
                self.plan(after_ms, what, dialog);
            }
        } else {
            self.hang_up(dialog);
        }
    }

    pub fn on_failed(&mut self, client: usize, message: &Sip, status: u16) {
        match self.clients[client].status {
            Some(200..=299) => {
                self.changes.push(format!("{status} after a 2xx for {}", self.clients[client].request.start()));
            }
            Some(known) => {
                if known != status {
                    self.changes.push(format!("{status} after {known} for {}", self.clients[client].request.start()));
                }
                let (to, ack) = (self.clients[client].to.clone(), self.clients[client].ack.clone());
                self.send(&to, &ack);
            }
            None => {
                let ack = hop_request("ACK", &self.clients[client].request, message.value("To"));
                let (to, is_lost) = (self.clients[client].to.clone(), self.clients[client].is_lost);
                self.clients[client].ack.clone_from(&ack);
                self.finish(client, status);
                self.send(&to, &ack);
                match self.clients[client].dialog {
                    Some(dialog) => self.on_reinvite_failed(dialog, status),
                    None if !is_lost => {
                        self.finals.push((client, status));
                        self.end_early(&message.call_id);
                    }
                    None => {}
                }
            }
        }
    }

    pub fn on_reinvite_failed(&mut self, dialog: usize, status: u16) {
        match status {
            // §14.1: who made the Call-ID waits longer.
            491 => {
                let after_ms =
                    if self.dialogs[dialog].is_callers { 2_100 + u64::from(self.count % 7) * 200 } else { u64::from(self.count % 7) * 250 };
                if self.dialogs[dialog].postponed < MAX_POSTPONED {
                    self.dialogs[dialog].postponed += 1;
                    self.plan(after_ms, Do::Reinvite, dialog);
                }
            }
            481 | 408 if self.dialogs[dialog].state == DialogState::Confirmed => self.hang_up(dialog),
            _ => {}
        }
    }

    /// Nobody answered a request of ours, and there is nobody else to ask.
    pub fn on_lost(&mut self, client: usize) {
        let client = &self.clients[client];
        match (client.request.method.as_str(), client.dialog) {
            ("INVITE", None) => {
                let call_id = client.request.call_id.clone();
                self.end_early(&call_id);
            }
            ("INVITE", Some(dialog)) if self.dialogs[dialog].state == DialogState::Confirmed => self.hang_up(dialog),
            ("UPDATE" | "INFO", Some(dialog)) if self.dialogs[dialog].state == DialogState::Confirmed => self.hang_up(dialog),
            _ => {}
        }
    }
}
