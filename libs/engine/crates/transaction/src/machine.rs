//! What the four transaction machines share: their timers and the effects they ask for. They perform none.

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
