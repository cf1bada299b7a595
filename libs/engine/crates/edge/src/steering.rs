//! Which worker the kernel gives a datagram to, of those that share an address (`SO_REUSEPORT`, socket(7)).
//!
//! By itself it takes a hash of the two ends, so that all that comes from one gateway comes to one worker, whoever has sent the requests. A
//! program of the kernel's packet filter looks into responses and gives them to the worker whose letter stands in our branch; all else
//! stays with the hash. Without it the workers would pass most responses to one another, which is slower and no less right.

use std::io;

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};
use trunkline_transaction::WORKER_LETTERS;

use crate::udp::UdpListener;

/// Where the top branch of a response may begin: behind the shortest status line and `Via: SIP/2.0/UDP a;`, and before the end of a long
/// one with what the peer has put into it.
const FIRST_BYTE: u32 = 36;
const LAST_BYTE: u32 = 220;

/// `SIP/` and a part of `z9hG4bKt`, as the filter loads them.
const RESPONSE: u32 = u32::from_be_bytes(*b"SIP/");
const COOKIE: u32 = u32::from_be_bytes(*b"G4bK");
const COOKIE_BYTES: u32 = 4;

/// No socket has this number: the kernel takes the hash.
const BY_HASH: u32 = u32::MAX;

/// Tells the kernel, of the socket and all that share its address; they must have been bound in the order of their workers.
pub(crate) fn steer(listener: &UdpListener, workers: u8) -> io::Result<()> {
    let mut program = program(workers);
    let length = libc::c_ushort::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    Ok(setsockopt(listener, sockopt::AttachReusePortCbpf, &program)?)
}

fn program(workers: u8) -> Vec<libc::sock_filter> {
    let mut code = vec![load_word(0), jump_if(RESPONSE, 1, 0), answer(BY_HASH)];
    // The filter has no loops.
    let places: Vec<u32> = (FIRST_BYTE..=LAST_BYTE).collect();
    for (number, at) in places.iter().enumerate() {
        let left = u32::try_from(places.len() - number - 1).unwrap_or(0);
        // Past the places that are left, four instructions each, and the one for none.
        code.extend([load_word(*at), jump_if(COOKIE, 0, 2), set_index(*at), jump(4 * left + 1)]);
    }
    code.push(answer(BY_HASH));
    // Behind the cookie our `t` and the worker's letter. A branch that is not ours has anything there; whoever gets it drops it.
    code.push(load_byte_behind_index(COOKIE_BYTES + 1));
    for worker in 1..workers {
        if let Some(letter) = WORKER_LETTERS.get(usize::from(worker) - 1) {
            code.extend([jump_if(u32::from(*letter), 0, 1), answer(u32::from(worker))]);
        }
    }
    code.push(answer(0));
    code
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    // The codes of linux/bpf_common.h are below 2^16.
    libc::sock_filter { code: code as u16, jt, jf, k }
}

fn load_word(at: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at)
}

fn load_byte_behind_index(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, 0, 0, offset)
}

fn set_index(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_LDX | libc::BPF_IMM, 0, 0, value)
}

fn jump_if(value: u32, yes: u8, no: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, yes, no, value)
}

fn jump(past: u32) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JA, 0, 0, past)
}

fn answer(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, value)
}
