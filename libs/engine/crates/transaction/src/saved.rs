//! Parts of a saved call as bytes, and back. What is read is checked against what is left: a file may be cut or another program's.

use std::net::SocketAddr;

use crate::token_parts::{write_ip, Reader};
use crate::transport::{Listener, Transport};

/// Appends; lengths stand before what they are of.
#[derive(Default)]
pub(crate) struct Writer(pub Vec<u8>);

impl Writer {
    pub fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn flags<const N: usize>(&mut self, flags: [bool; N]) {
        self.byte(flags.iter().rev().fold(0, |all, flag| all << 1 | u8::from(*flag)));
    }

    pub fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// A message is at most 64 KiB, and so is any part of it.
    pub fn bytes(&mut self, value: &[u8]) {
        self.u32(value.len() as u32);
        self.0.extend_from_slice(value);
    }

    pub fn list<T: AsRef<[u8]>>(&mut self, values: &[T]) {
        self.u32(values.len() as u32);
        values.iter().for_each(|value| self.bytes(value.as_ref()));
    }

    pub fn address(&mut self, value: SocketAddr) {
        write_ip(value.ip(), &mut self.0);
        self.0.extend_from_slice(&value.port().to_be_bytes());
    }

    pub fn listener(&mut self, value: Listener) {
        self.byte(value.transport.code());
        self.address(value.address);
    }
}

impl Reader<'_> {
    pub fn flags<const N: usize>(&mut self) -> Option<[bool; N]> {
        let byte = self.byte()?;
        Some(std::array::from_fn(|at| byte >> at & 1 == 1))
    }

    pub fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    pub fn u128(&mut self) -> Option<u128> {
        Some(u128::from_be_bytes(self.take(16)?.try_into().ok()?))
    }

    pub fn long_bytes(&mut self) -> Option<Vec<u8>> {
        let length = self.u32()?;
        Some(self.take(length as usize)?.to_vec())
    }

    pub fn long_text(&mut self) -> Option<String> {
        String::from_utf8(self.long_bytes()?).ok()
    }

    /// Ends: each takes its length at least.
    pub fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u32()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(each(self)?);
        }
        Some(values)
    }

    pub fn address(&mut self) -> Option<SocketAddr> {
        let ip = self.ip()?;
        let port = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        Some(SocketAddr::new(ip, port))
    }

    pub fn listener(&mut self) -> Option<Listener> {
        let transport = Transport::from_code(self.byte()?)?;
        Some(Listener { transport, address: self.address()? })
    }
}
