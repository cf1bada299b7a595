//! Numbers and addresses as text, written straight into a message: `core::fmt` takes several times as long for the same bytes.

use std::net::{IpAddr, SocketAddr};

/// Of `u64::MAX`.
const MAX_DIGITS: usize = 20;

pub fn write_decimal(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; MAX_DIGITS];
    let mut start = MAX_DIGITS;
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Lower case, without leading zeros.
pub fn write_hexadecimal(number: u32, out: &mut Vec<u8>) {
    let len = (32 - number.leading_zeros()).div_ceil(4).max(1);
    for at in (0..len).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * at)) as usize & 15]);
    }
}

/// An IPv6 address without brackets.
pub fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            for (at, octet) in ip.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                write_decimal(u64::from(octet), out);
            }
        }
        IpAddr::V6(ip) => crate::via::write_text(out, format_args!("{ip}")),
    }
}

/// `192.0.2.1:5060`, `[2001:db8::1]:5060`.
pub fn write_address(address: SocketAddr, out: &mut Vec<u8>) {
    match address {
        SocketAddr::V4(_) => write_ip(address.ip(), out),
        SocketAddr::V6(_) => {
            out.push(b'[');
            write_ip(address.ip(), out);
            out.push(b']');
        }
    }
    out.push(b':');
    write_decimal(u64::from(address.port()), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_and_addresses_are_as_the_standard_library_writes_them() {
        for number in [0, 1, 9, 10, 99, 100, 255, 256, 5060, 65_535, 4_294_967_295, u64::MAX] {
            assert_eq!(text(|out| write_decimal(number, out)), number.to_string());
            assert_eq!(text(|out| write_hexadecimal(number as u32, out)), format!("{:x}", number as u32));
        }
        for address in ["0.0.0.0:1", "127.0.0.1:5060", "255.255.255.255:65535", "[::1]:5060", "[2001:db8::8:0:1]:9"] {
            assert_eq!(text(|out| write_address(address.parse().unwrap(), out)), address);
        }
    }
}
