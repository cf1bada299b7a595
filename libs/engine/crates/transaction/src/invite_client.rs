//! INVITE client transaction: RFC 3261 §17.1.1 with RFC 6026 §7.2.

use crate::machine::ClientEffect::{self, Acknowledge, Deliver, Resend, Start, Stop, Timeout, Unreachable};
use crate::machine::ClientTimer::{self, A, B, D, M};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Sent, nothing heard.
    Calling,
    Proceeding,
    /// A failure came and was acknowledged; its retransmissions are too.
    Completed,
    /// A 2xx came: its retransmissions and those of other branches downstream pass.
    Accepted,
    Terminated,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Calling, Self::Proceeding, Self::Completed, Self::Accepted, Self::Terminated];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Provisional,
    Success,
    Failure,
    TransportError,
    Timer(ClientTimer),
}

impl Event {
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Provisional, Self::Success, Self::Failure, Self::TransportError].into_iter().chain(ClientTimer::ALL.map(Self::Timer))
    }
}

/// The whole machine. An event that a state does not know changes nothing.
pub(crate) fn step(state: State, event: Event) -> (State, &'static [ClientEffect]) {
    use Event::{Failure, Provisional, Success, Timer, TransportError};
    use State::{Accepted, Calling, Completed, Proceeding, Terminated};
    match (state, event) {
        (Calling, Timer(A)) => (Calling, &[Resend, Start(A)]),
        (Calling, Timer(B)) => (Terminated, &[Stop(A), Timeout]),
        (Calling, TransportError) => (Terminated, &[Stop(A), Stop(B), Unreachable]),
        (Calling, Provisional) => (Proceeding, &[Stop(A), Stop(B), Deliver]),
        (Calling, Success) => (Accepted, &[Stop(A), Stop(B), Start(M), Deliver]),
        (Calling, Failure) => (Completed, &[Stop(A), Stop(B), Acknowledge, Start(D), Deliver]),
        (Proceeding, Provisional) => (Proceeding, &[Deliver]),
        (Proceeding, Success) => (Accepted, &[Start(M), Deliver]),
        (Proceeding, Failure) => (Completed, &[Acknowledge, Start(D), Deliver]),
        (Completed, Failure) => (Completed, &[Acknowledge]),
        (Completed, Timer(D)) => (Terminated, &[]),
        (Accepted, Success) => (Accepted, &[Deliver]),
        (Accepted, Timer(M)) => (Terminated, &[]),
        (Calling, Timer(_))
        | (Proceeding, TransportError | Timer(_))
        | (Completed, Provisional | Success | TransportError | Timer(_))
        | (Accepted, Provisional | Failure | TransportError | Timer(_))
        | (Terminated, _) => (state, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::{step, ClientEffect, Event, State};
    use crate::machine::ClientTimer::{A, B, D, M};
    use ClientEffect::{Acknowledge, Deliver, Resend, Start, Stop, Timeout, Unreachable};
    use Event::{Failure, Provisional, Success, Timer, TransportError};
    use State::{Accepted, Calling, Completed, Proceeding, Terminated};

    /// The figure of RFC 6026 §7.2, row by row.
    const ROWS: &[(State, Event, State, &[ClientEffect])] = &[
        (Calling, Timer(A), Calling, &[Resend, Start(A)]),
        (Calling, Timer(B), Terminated, &[Stop(A), Timeout]),
        (Calling, TransportError, Terminated, &[Stop(A), Stop(B), Unreachable]),
        (Calling, Provisional, Proceeding, &[Stop(A), Stop(B), Deliver]),
        (Calling, Success, Accepted, &[Stop(A), Stop(B), Start(M), Deliver]),
        (Calling, Failure, Completed, &[Stop(A), Stop(B), Acknowledge, Start(D), Deliver]),
        (Proceeding, Provisional, Proceeding, &[Deliver]),
        (Proceeding, Success, Accepted, &[Start(M), Deliver]),
        (Proceeding, Failure, Completed, &[Acknowledge, Start(D), Deliver]),
        (Completed, Failure, Completed, &[Acknowledge]),
        (Completed, Timer(D), Terminated, &[]),
        (Accepted, Success, Accepted, &[Deliver]),
        (Accepted, Timer(M), Terminated, &[]),
    ];

    #[test]
    fn every_row_of_the_figure_is_taken_and_every_other_event_changes_nothing() {
        let mut taken = 0;
        for event in Event::all() {
            for state in State::ALL {
                match ROWS.iter().find(|row| (row.0, row.1) == (state, event)) {
                    Some(row) => {
                        assert_eq!(step(state, event), (row.2, row.3), "{state:?} {event:?}");
                        taken += 1;
                    }
                    None => assert_eq!(step(state, event), (state, &[][..]), "{state:?} {event:?}"),
                }
            }
        }
        assert_eq!(taken, ROWS.len());
    }
}
