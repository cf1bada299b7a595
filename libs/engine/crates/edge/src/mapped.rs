//! A file of a fixed length that is written to through memory: a copy instead of a system call for each fact of a call.
//!
//! What was written is the kernel's: a process that is killed loses none of it. This is the one module of the engine with unsafe code:
//! a mapping is only as sound as the file behind it stays as long as it was made, which the type system cannot see to.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use memmap2::{MmapMut, MmapOptions};
use nix::fcntl::{fallocate, FallocateFlags};

/// Written to by one, at any place, each byte once.
#[derive(Debug)]
pub struct MappedFile {
    map: MmapMut,
}

impl MappedFile {
    /// Makes a file that was not there, with room for `len` bytes on the disk, all zero.
    ///
    /// # Errors
    /// What the system says: no room on the disk, no right to the folder. Then no file is left.
    pub fn create(path: &Path, len: usize) -> io::Result<(File, Self)> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Self::over(&file, len).map(|mapped| (file, mapped)).inspect_err(|_| drop(std::fs::remove_file(path)))
    }

    fn over(file: &File, len: usize) -> io::Result<Self> {
        let bytes = i64::try_from(len).map_err(|_| io::Error::other("a file of more than 2^63 bytes"))?;
        // The room is taken now: a page without a block behind it would end the process when the disk is full (SIGBUS).
        fallocate(file, FallocateFlags::empty(), 0, bytes)?;
        // SAFETY: the file was made by us a moment ago under a name that was free, its blocks are allocated, and nothing in this process
        // cuts it while it is mapped (a closed segment is cut with its map gone). Others who read it see whole bytes; others who would cut it
        // have the rights of this process already.
        let map = unsafe { MmapOptions::new().len(len).map_mut(file)? };
        Ok(Self { map })
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Writes from `at` on. `false`, and nothing written, where it does not fit.
    pub fn write_at(&mut self, at: usize, bytes: &[u8]) -> bool {
        match self.map.get_mut(at..at.saturating_add(bytes.len())) {
            Some(room) => {
                room.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }
}
