//! What a message travels by, and where we listen for it (RFC 3261 §18).

use std::net::SocketAddr;

/// A request above it must not go by UDP where there is another way (§18.1.1).
pub(crate) const MAX_UDP_REQUEST_BYTES: usize = 1_300;

/// Of one listener and of everything that passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Transport {
    #[default]
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    pub const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    /// The word of settings, records and the `transport` parameter of a URI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The word of Via (RFC 3261 §20.42).
    pub fn in_via(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// `tcp`, in any case.
    pub fn parse(word: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.as_str().as_bytes().eq_ignore_ascii_case(word))
    }

    /// Nothing is lost on the way, so nothing is sent again (§17).
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// §19.1.2.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }

    /// Two bits of a token.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Udp => 0,
            Self::Tcp => 1,
            Self::Tls => 2,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.code() == code)
    }
}

/// One address that we listen on and by what. An IP literal: it stands in Via and Record-Route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    pub transport: Transport,
    pub address: SocketAddr,
}

impl Listener {
    pub fn udp(address: SocketAddr) -> Self {
        Self { transport: Transport::Udp, address }
    }
}

/// The listener that speaks `transport` to `peer` in the stead of `near`: itself where it can, else one of the same address, else the
/// first of the peer's family.
pub(crate) fn pick(listeners: &[Listener], near: u16, transport: Transport, peer: SocketAddr) -> Option<u16> {
    let fits = |listener: &Listener| listener.transport == transport && listener.address.is_ipv4() == peer.is_ipv4();
    let near_one = listeners.get(usize::from(near));
    if near_one.is_some_and(fits) {
        return Some(near);
    }
    let is_beside = |listener: &Listener| fits(listener) && near_one.is_some_and(|near| near.address.ip() == listener.address.ip());
    let at = listeners.iter().position(is_beside).or_else(|| listeners.iter().position(fits))?;
    u16::try_from(at).ok()
}
