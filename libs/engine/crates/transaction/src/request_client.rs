//! Non-INVITE client transaction: RFC 3261 §17.1.2.

use crate::machine::ClientEffect::{self, Deliver, Resend, Start, Stop, Timeout, Unreachable};
use crate::machine::ClientTimer::{self, E, F, K};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Trying,
    /// Timer E runs with T2 from here on.
    Proceeding,
    Completed,
    Terminated,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Trying, Self::Proceeding, Self::Completed, Self::Terminated];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Provisional,
    Final,
    TransportError,
    Timer(ClientTimer),
}

impl Event {
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Provisional, Self::Final, Self::TransportError].into_iter().chain(ClientTimer::ALL.map(Self::Timer))
    }
}

/// The whole machine. An event that a state does not know changes nothing.
pub(crate) fn step(state: State, event: Event) -> (State, &'static [ClientEffect]) {
    use Event::{Final, Provisional, Timer, TransportError};
    use State::{Completed, Proceeding, Terminated, Trying};
    match (state, event) {
        (Trying | Proceeding, Timer(E)) => (state, &[Resend, Start(E)]),
        (Trying | Proceeding, Timer(F)) => (Terminated, &[Stop(E), Timeout]),
        (Trying | Proceeding, TransportError) => (Terminated, &[Stop(E), Stop(F), Unreachable]),
        (Trying | Proceeding, Provisional) => (Proceeding, &[Deliver]),
        (Trying | Proceeding, Final) => (Completed, &[Stop(E), Stop(F), Start(K), Deliver]),
        (Completed, Timer(K)) => (Terminated, &[]),
        (Trying | Proceeding, Timer(_)) | (Completed, Provisional | Final | TransportError | Timer(_)) | (Terminated, _) => (state, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::{step, ClientEffect, Event, State};
    use crate::machine::ClientTimer::{E, F, K};
    use ClientEffect::{Deliver, Resend, Start, Stop, Timeout, Unreachable};
    use Event::{Final, Provisional, Timer, TransportError};
    use State::{Completed, Proceeding, Terminated, Trying};

    /// Figure 6 of RFC 3261, row by row.
    const ROWS: &[(State, Event, State, &[ClientEffect])] = &[
        (Trying, Timer(E), Trying, &[Resend, Start(E)]),
        (Trying, Timer(F), Terminated, &[Stop(E), Timeout]),
        (Trying, TransportError, Terminated, &[Stop(E), Stop(F), Unreachable]),
        (Trying, Provisional, Proceeding, &[Deliver]),
        (Trying, Final, Completed, &[Stop(E), Stop(F), Start(K), Deliver]),
        (Proceeding, Timer(E), Proceeding, &[Resend, Start(E)]),
        (Proceeding, Timer(F), Terminated, &[Stop(E), Timeout]),
        (Proceeding, TransportError, Terminated, &[Stop(E), Stop(F), Unreachable]),
        (Proceeding, Provisional, Proceeding, &[Deliver]),
        (Proceeding, Final, Completed, &[Stop(E), Stop(F), Start(K), Deliver]),
        (Completed, Timer(K), Terminated, &[]),
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
