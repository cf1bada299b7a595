//! Datagrams, as many as there are, and until when everything is heard.

use std::io;
use std::net::SocketAddr;

use trunkline_message::HeaderTable;
use trunkline_transaction::Flow;

use crate::policy::Policy;
use crate::status::raise;
use crate::udp::{Intake, DATAGRAMS_AT_ONCE};
use crate::worker::Worker;

/// Datagrams read from one listener before the timers and the other listeners have their turn.
const DATAGRAMS_PER_TURN: usize = 64;

/// Of one listener in one turn.
#[derive(Default)]
pub(crate) struct Heard {
    /// Everything that came before then was read; `None`: something is left, which came after the first that was read.
    pub all_until_ms: Option<u64>,
    /// How long the first datagram has waited, where it was asked.
    pub first_waited_ms: u64,
}

impl Worker {
    /// `is_dated`: it is asked how long the first datagram has waited.
    pub(crate) fn read(
        &mut self,
        listener: usize,
        is_dated: bool,
        buffer: &mut [u8],
        intake: &mut Intake,
        table: &mut HeaderTable,
        policy: &mut dyn Policy,
    ) -> Heard {
        let mut heard = Heard::default();
        if is_dated {
            match self.listeners[listener].receive_dated(buffer) {
                Ok(Some((len, peer, received_ns))) => {
                    // Not dated, or the clock was set back meanwhile: it has not waited.
                    let came_ns = if received_ns == 0 { u64::MAX } else { received_ns };
                    heard.first_waited_ms = self.clock.now().unix_ns.saturating_sub(came_ns) / 1_000_000;
                    self.on_udp(listener, &buffer[..len], peer, table, policy);
                }
                Ok(None) => {}
                Err(error) => self.say_unread(listener, &error),
            }
        }
        for _ in 0..DATAGRAMS_PER_TURN / DATAGRAMS_AT_ONCE {
            // What comes while these are looked at is not among them.
            let asked_ms = self.clock.now().ms;
            if let Err(error) = self.listeners[listener].receive_all(intake) {
                self.say_unread(listener, &error);
            }
            for (datagram, peer) in intake.datagrams() {
                self.on_udp(listener, datagram, peer, table, policy);
            }
            if !intake.is_full() {
                heard.all_until_ms = Some(asked_ms);
                break;
            }
        }
        heard
    }

    fn say_unread(&self, listener: usize, error: &io::Error) {
        eprintln!("trunkline engine: receive on {}: {error}", self.places[listener].address);
    }

    fn on_udp(&mut self, listener: usize, datagram: &[u8], peer: SocketAddr, table: &mut HeaderTable, policy: &mut dyn Policy) {
        raise(&self.counters.datagrams_received);
        let flow = Flow { listener: u16::try_from(listener).unwrap_or(0), peer };
        self.on_datagram(flow, datagram, table, policy);
        self.gather();
    }
}
