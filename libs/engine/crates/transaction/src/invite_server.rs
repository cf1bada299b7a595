//! INVITE server transaction: RFC 3261 §17.2.1 with RFC 6026 §7.1.

use crate::machine::ServerEffect::{self, Resend, Send, Start, Stop};
use crate::machine::ServerTimer::{self, G, H, I, L};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Proceeding,
    /// A failure was sent and awaits its ACK.
    Completed,
    Confirmed,
    /// A 2xx was sent: retransmissions of the INVITE are absorbed, those of the 2xx pass.
    Accepted,
    Terminated,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Proceeding, Self::Completed, Self::Confirmed, Self::Accepted, Self::Terminated];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A retransmission of the INVITE.
    Invite,
    Ack,
    /// Responses of the transaction user.
    Provisional,
    Success,
    Failure,
    Timer(ServerTimer),
}

impl Event {
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Invite, Self::Ack, Self::Provisional, Self::Success, Self::Failure].into_iter().chain(ServerTimer::ALL.map(Self::Timer))
    }
}

/// The whole machine. An event that a state does not know changes nothing.
pub(crate) fn step(state: State, event: Event) -> (State, &'static [ServerEffect]) {
    use Event::{Ack, Failure, Invite, Provisional, Success, Timer};
    use State::{Accepted, Completed, Confirmed, Proceeding, Terminated};
    match (state, event) {
        (Proceeding, Invite) => (Proceeding, &[Resend]),
        (Proceeding, Provisional) => (Proceeding, &[Send]),
        (Proceeding, Success) => (Accepted, &[Send, Start(L)]),
        (Proceeding, Failure) => (Completed, &[Send, Start(G), Start(H)]),
        (Completed, Invite) => (Completed, &[Resend]),
        (Completed, Timer(G)) => (Completed, &[Resend, Start(G)]),
        (Completed, Ack) => (Confirmed, &[Stop(G), Stop(H), Start(I)]),
        (Completed, Timer(H)) => (Terminated, &[Stop(G)]),
        (Confirmed, Timer(I)) => (Terminated, &[]),
        (Accepted, Success) => (Accepted, &[Send]),
        (Accepted, Timer(L)) => (Terminated, &[]),
        (Proceeding | Accepted, Ack | Timer(_))
        | (Completed, Provisional | Success | Failure | Timer(_))
        | (Confirmed, Invite | Ack | Provisional | Success | Failure | Timer(_))
        | (Accepted, Invite | Provisional | Failure)
        | (Terminated, _) => (state, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::{step, Event, ServerEffect, State};
    use crate::machine::ServerTimer::{G, H, I, L};
    use Event::{Ack, Failure, Invite, Provisional, Success, Timer};
    use ServerEffect::{Resend, Send, Start, Stop};
    use State::{Accepted, Completed, Confirmed, Proceeding, Terminated};

    /// The figure of RFC 6026 §7.1, row by row.
    const ROWS: &[(State, Event, State, &[ServerEffect])] = &[
        (Proceeding, Invite, Proceeding, &[Resend]),
        (Proceeding, Provisional, Proceeding, &[Send]),
        (Proceeding, Success, Accepted, &[Send, Start(L)]),
        (Proceeding, Failure, Completed, &[Send, Start(G), Start(H)]),
        (Completed, Invite, Completed, &[Resend]),
        (Completed, Timer(G), Completed, &[Resend, Start(G)]),
        (Completed, Ack, Confirmed, &[Stop(G), Stop(H), Start(I)]),
        (Completed, Timer(H), Terminated, &[Stop(G)]),
        (Confirmed, Timer(I), Terminated, &[]),
        (Accepted, Success, Accepted, &[Send]),
        (Accepted, Timer(L), Terminated, &[]),
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
