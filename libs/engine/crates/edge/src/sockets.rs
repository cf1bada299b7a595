//! The sockets of one engine, for each of its workers.

use std::io;
use std::net::{SocketAddr, TcpListener};

use trunkline_transaction::{Listener, Transport};

use crate::acceptors;
use crate::steering;
use crate::udp::UdpListener;

/// Bound for one worker, in the order in which it counts its listeners: those of UDP first, so that what comes by datagram finds its socket by
/// the listener's index; then those of connections, for each worker its own, for a connection is its worker's and the index says whose.
pub(crate) struct Sockets {
    pub udp: Vec<UdpListener>,
    pub tcp: Vec<TcpListener>,
    /// By listener index.
    pub places: Vec<Listener>,
    /// In the order of the settings.
    pub addresses: Vec<SocketAddr>,
}

impl Sockets {
    /// For each worker; all share the addresses.
    pub fn bind(listen: &[Listener], workers: u8) -> io::Result<Vec<Self>> {
        let is_shared = workers > 1;
        let first = Self::bind_one(listen, is_shared)?;
        // Where the system was to choose a port, it has.
        let chosen: Vec<Listener> =
            listen.iter().zip(&first.addresses).map(|(wanted, address)| Listener { address: *address, ..*wanted }).collect();
        let mut all = vec![first];
        for _ in 1..workers {
            all.push(Self::bind_one(&chosen, is_shared)?);
        }
        let streams: Vec<Listener> = all[0].places.iter().filter(|place| place.transport != Transport::Udp).copied().collect();
        for sockets in &mut all {
            for _ in 1..workers {
                sockets.places.extend_from_slice(&streams);
            }
        }
        if is_shared {
            for listener in &all[0].udp {
                if let Err(error) = steering::steer(listener, workers) {
                    eprintln!("trunkline engine: responses to {} come to any worker: {error}", listener.address());
                }
            }
        }
        Ok(all)
    }

    fn bind_one(listen: &[Listener], is_shared: bool) -> io::Result<Self> {
        let (mut udp, mut tcp, mut places, mut addresses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for wanted in listen {
            let address = match wanted.transport {
                Transport::Udp => {
                    let socket = UdpListener::bind(wanted.address, is_shared)?;
                    let address = socket.address();
                    udp.push(socket);
                    address
                }
                Transport::Tcp | Transport::Tls => {
                    let socket = acceptors::bind(wanted.address, is_shared)?;
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
