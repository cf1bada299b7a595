//! What the four transaction machines share: their timers and the effects they ask for. They perform none.

/// What starting a timer means: the machines are the same over every transport, the times are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Nothing is sent again where nothing is lost.
    Never,
    /// Nothing comes again, so nothing is waited for.
    AtOnce,
    InFull,
}

/// Timers of a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum ServerTimer {
    /// INVITE response retransmission.
    G,
    /// Wait for the ACK.
    H,
    /// Wait for ACK retransmissions.
    I,
    /// Wait for retransmissions of a non-INVITE request.
    J,
    /// RFC 6026: wait for retransmissions of an accepted INVITE and of its 2xx.
    L,
}

impl ServerTimer {
    pub const ALL: [Self; 5] = [Self::G, Self::H, Self::I, Self::J, Self::L];

    /// RFC 3261 §17, table 4; L as RFC 6026 §7.1 has it.
    pub fn over(self, is_reliable: bool) -> Run {
        match self {
            Self::G if is_reliable => Run::Never,
            Self::I | Self::J if is_reliable => Run::AtOnce,
            Self::G | Self::H | Self::I | Self::J | Self::L => Run::InFull,
        }
    }
}

/// Timers of a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum ClientTimer {
    /// INVITE retransmission.
    A,
    /// INVITE transaction timeout.
    B,
    /// Proxy INVITE transaction timeout (§16.8), the proxy's own and in no machine.
    C,
    /// Wait for response retransmissions of a failed INVITE.
    D,
    /// Non-INVITE retransmission.
    E,
    /// Non-INVITE transaction timeout.
    F,
    /// Wait for response retransmissions of a non-INVITE.
    K,
    /// RFC 6026: wait for retransmissions of a 2xx, and for those of other branches downstream.
    M,
}

impl ClientTimer {
    pub const ALL: [Self; 8] = [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F, Self::K, Self::M];

    /// RFC 3261 §17, table 4; M as RFC 6026 §7.2 has it.
    pub fn over(self, is_reliable: bool) -> Run {
        match self {
            Self::A | Self::E if is_reliable => Run::Never,
            Self::D | Self::K if is_reliable => Run::AtOnce,
            Self::A | Self::B | Self::C | Self::D | Self::E | Self::F | Self::K | Self::M => Run::InFull,
        }
    }
}

/// In the order in which they are to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerEffect {
    /// Send the response that came with the event and keep it as the last one.
    Send,
    /// Send the last response again.
    Resend,
    Start(ServerTimer),
    Stop(ServerTimer),
}

/// In the order in which they are to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientEffect {
    /// Send the request again.
    Resend,
    Start(ClientTimer),
    Stop(ClientTimer),
    /// Acknowledge the failure that came with the event (§17.1.1.3).
    Acknowledge,
    /// Hand the response to the transaction user.
    Deliver,
    /// Tell the transaction user that nobody answered.
    Timeout,
    /// Tell the transaction user that the peer cannot be reached.
    Unreachable,
}

#[cfg(test)]
mod tests {
    use super::{ClientTimer, Run, ServerTimer};

    #[test]
    fn over_a_reliable_transport_nothing_is_sent_again_and_nothing_is_waited_for_but_the_other_side() {
        let run = |is_reliable: bool| {
            let servers = ServerTimer::ALL.into_iter().map(move |timer| (format!("{timer:?}"), timer.over(is_reliable)));
            servers.chain(ClientTimer::ALL.into_iter().map(move |timer| (format!("{timer:?}"), timer.over(is_reliable))))
        };
        assert!(run(false).all(|(_, run)| run == Run::InFull));
        let names = |wanted: Run| run(true).filter(|(_, run)| *run == wanted).map(|(name, _)| name).collect::<String>();
        assert_eq!(names(Run::Never), "GAE");
        assert_eq!(names(Run::AtOnce), "IJDK");
        assert_eq!(names(Run::InFull), "HLBCFM");
    }
}
