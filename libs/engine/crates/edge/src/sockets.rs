//! The sockets of one engine.

use std::io;
use std::net::{SocketAddr, TcpListener};

use trunkline_transaction::{Listener, Transport};

use crate::acceptors;
use crate::udp::UdpListener;

/// Bound, in the order in which the worker counts its listeners: those of UDP first, so that what comes by datagram finds its socket by the
/// listener's index.
pub(crate) struct Sockets {
    pub udp: Vec<UdpListener>,
    pub tcp: Vec<TcpListener>,
    /// By listener index.
    pub places: Vec<Listener>,
    /// In the order of the settings.
    pub addresses: Vec<SocketAddr>,
}

impl Sockets {
    pub fn bind(listen: &[Listener]) -> io::Result<Self> {
        let (mut udp, mut tcp, mut places, mut addresses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for wanted in listen {
            let address = match wanted.transport {
                Transport::Udp => {
                    let socket = UdpListener::bind(wanted.address, false)?;
                    let address = socket.address();
                    udp.push(socket);
                    address
                }
                Transport::Tcp | Transport::Tls => {
                    let socket = acceptors::bind(wanted.address)?;
                    let address = socket.local_addr()?;
                    tcp.push(socket);
                    address
                }
            };
            addresses.push(address);
            places.push(Listener { transport: wanted.transport, address });
        }
        places.sort_by_key(|place| place.transport != Transport::Udp);
        Ok(Self { udp, tcp, places, addresses })
    }
}
