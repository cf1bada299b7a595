//! Parts of a token as bytes, and back: numbers, addresses, texts, routes. `None` where the bytes end too early.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How most write a route: `<sip:` and `;lr>` around its host go without saying.
const ROUTE_START: &[u8] = b"<sip:";
const ROUTE_END: &[u8] = b";lr>";
/// What stands before a route as it was written, which begins with no letter or digit.
const WHOLE: u8 = b'=';

/// A length and a text each; `None` where one is longer than any that fits.
pub(crate) fn written_routes(routes: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for route in routes {
        let short = route.strip_prefix(ROUTE_START).and_then(|rest| rest.strip_suffix(ROUTE_END));
        let short = short.filter(|host| host.first().is_some_and(|first| *first != WHOLE));
        let (length, is_whole) = (short.map_or(route.len() + 1, <[u8]>::len), short.is_none());
        out.push(u8::try_from(length).ok()?);
        if is_whole {
            out.push(WHOLE);
        }
        out.extend_from_slice(short.unwrap_or(route));
    }
    Some(out)
}

pub(crate) fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
}

/// What is left.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub fn ip(&mut self) -> Option<IpAddr> {
        match self.byte()? {
            4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.take(4)?).ok()?).into()),
            6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(self.take(16)?).ok()?).into()),
            _ => None,
        }
    }

    /// All that is left.
    pub fn routes(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut routes = Vec::new();
        // Ends: each takes its length at least.
        while !self.0.is_empty() {
            let length = usize::from(self.byte()?);
            let text = self.take(length)?;
            routes.push(match text.split_first() {
                Some((&WHOLE, whole)) => whole.to_vec(),
                _ => [ROUTE_START, text, ROUTE_END].concat(),
            });
        }
        Some(routes)
    }

    pub fn text(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }
}
