//! Bounds on connections.

/// What TCP and TLS peers may hold of us. Times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// In all, both ways; half of it for strangers. A connection is about 2 KiB, one of TLS 40 KiB with its buffers.
    pub connections: usize,
    /// That one address, or one /64 of IPv6, has made to us, at all workers together: a company's phones behind one NAT, a trunk's parallel connections.
    pub from_one_source: usize,
    /// For one to a gateway to be made: within the time in which a silent gateway is given up.
    pub connect_ms: u64,
    /// Until what was sent is acknowledged by the peer's kernel; what is not is given up with its connection (TCP_USER_TIMEOUT), which Linux
    /// alone would do after a quarter of an hour. Longer than the time in which a silent gateway is given up, so that a call waits no longer
    /// for a dead connection than for a dead gateway; a third of 64*T1, so that what was lost with it is in time by another.
    pub unacknowledged_ms: u64,
    /// From the first byte of a message to its last, and from the beginning of a connection that was made to us to the end of its first
    /// message, its handshake included.
    pub message_ms: u64,
    /// Without a byte either way. Calls may be quiet for longer than most NATs remember; TCP's own probes find out who is gone.
    pub idle_ms: u64,
    /// The same while nothing is known of who made the connection: longer than the 120 s after which a client of TCP pings (RFC 5626 §4.4.1).
    pub stranger_idle_ms: u64,
    /// That a peer has not taken yet, or that wait for a connection to be made.
    pub queued_bytes: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            from_one_source: 256,
            connect_ms: 2_000,
            unacknowledged_ms: 10_000,
            message_ms: 10_000,
            idle_ms: 3_600_000,
            stranger_idle_ms: 150_000,
            queued_bytes: 512 << 10,
        }
    }
}
