//! Non-INVITE server transaction: RFC 3261 §17.2.2.

use crate::machine::ServerEffect::{self, Resend, Send, Start};
use crate::machine::ServerTimer::{self, J};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Trying, Self::Proceeding, Self::Completed, Self::Terminated];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A retransmission of the request.
    Request,
    /// Responses of the transaction user.
    Provisional,
    Final,
    Timer(ServerTimer),
}

impl Event {
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Request, Self::Provisional, Self::Final].into_iter().chain(ServerTimer::ALL.map(Self::Timer))
    }
}

/// The whole machine. An event that a state does not know changes nothing.
pub(crate) fn step(state: State, event: Event) -> (State, &'static [ServerEffect]) {
    use Event::{Final, Provisional, Request, Timer};
    use State::{Completed, Proceeding, Terminated, Trying};
    match (state, event) {
        (Trying, Provisional) => (Proceeding, &[Send]),
        (Trying | Proceeding, Final) => (Completed, &[Send, Start(J)]),
        (Proceeding, Provisional) => (Proceeding, &[Send]),
        (Proceeding, Request) => (Proceeding, &[Resend]),
        (Completed, Request) => (Completed, &[Resend]),
        (Completed, Timer(J)) => (Terminated, &[]),
        (Trying, Request | Timer(_)) | (Proceeding, Timer(_)) | (Completed, Provisional | Final | Timer(_)) | (Terminated, _) => {
            (state, &[])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{step, Event, ServerEffect, State};
    use crate::machine::ServerTimer::J;
    use Event::{Final, Provisional, Request, Timer};
    use ServerEffect::{Resend, Send, Start};
    use State::{Completed, Proceeding, Terminated, Trying};

    /// Figure 8 of RFC 3261, row by row.
    const ROWS: &[(State, Event, State, &[ServerEffect])] = &[
        (Trying, Provisional, Proceeding, &[Send]),
        (Trying, Final, Completed, &[Send, Start(J)]),
        (Proceeding, Provisional, Proceeding, &[Send]),
        (Proceeding, Request, Proceeding, &[Resend]),
        (Proceeding, Final, Completed, &[Send, Start(J)]),
        (Completed, Request, Completed, &[Resend]),
        (Completed, Timer(J), Terminated, &[]),
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
