//! The journal of call facts: append-only segment files that outlive the process.
//!
//! A line is one fact; what a line holds is not known here. [`Journal::append`] copies lines into the mapped segment, so a killed process
//! loses nothing that was appended; [`Journal::sync`], called every 20 ms by a thread of its own, bounds what a power cut loses. [`Journal::drain`] reads
//! whole lines of this and of earlier runs, oldest first; [`Journal::acknowledge`] lets whole segments be deleted.
//!
//! Segments are named `<boot>-<n>.jsonl`, boot being the start's time in nanoseconds as 16 hexadecimal digits and n eight decimal
//! digits, so that names sort in the order of writing. A segment is as long as it may grow while it is written to, with zeros at its end; what
//! stands behind the first zero, or behind the last line end before it, was torn by a power cut and is not read.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mapped::MappedFile;

/// A segment is closed when it has grown to this: small enough to be deleted soon, large enough that few are open.
pub const SEGMENT_BYTES: u64 = 16 << 20;

/// No line is longer: texts in facts are bounded where lines are written, and a reader's buffer must have a bound.
pub const MAX_LINE_BYTES: usize = 128 << 10;

const ACKNOWLEDGED: &str = "acked";

/// A place is written as long as the longest: a segment's 25, a blank and 20 digits.
const PLACE_BYTES: usize = 63;

const SUFFIX: &str = ".jsonl";

/// Whole lines of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The segment's file name without its suffix.
    pub segment: String,
    /// Of the first byte of `lines` in the segment.
    pub offset: u64,
    pub lines: Vec<u8>,
}

#[derive(Debug)]
struct Segment {
    name: String,
    file: Arc<File>,
    /// Bytes up to and with the last line end.
    len: u64,
    /// Of the one that is written to.
    mapped: Option<MappedFile>,
}

#[derive(Debug)]
struct State {
    /// Oldest first; the last is written to.
    segments: VecDeque<Segment>,
    /// Segment (by name) and offset of the next line to drain.
    cursor: (String, u64),
    /// Everything before this stands in the stream.
    acknowledged: (String, u64),
    next_number: u32,
    /// The next one to be written to, made before it is needed.
    spare: Option<Segment>,
    /// Closed since the last `sync`, with their maps.
    closed: Vec<Segment>,
    /// Written since the last `sync`.
    is_dirty: bool,
    /// Segments closed since the last `sync`.
    unsynced: Vec<Arc<File>>,
    /// A segment was begun since the last `sync`: its name is to be on the disk too.
    is_folder_dirty: bool,
}

/// See the module. Shared by the workers and by whoever drains; appending holds a lock for a copy.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    segment_bytes: u64,
    boot: String,
    state: Mutex<State>,
}

impl Journal {
    /// Opens the folder, which is made if it is missing, with the segments of earlier runs, and begins a segment of this run. A segment
    /// that would grow beyond `segment_bytes` is closed ([`SEGMENT_BYTES`]); lines that are longer by themselves get one of their own.
    ///
    /// # Errors
    /// What the file system says, with the path in its text.
    pub fn open(dir: &Path, boot_ns: u64, segment_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(dir).map_err(|error| named(error, dir))?;
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(dir).map_err(|error| named(error, dir))? {
            if let Some(name) = entry?.file_name().to_str().and_then(|name| name.strip_suffix(SUFFIX)) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        let acknowledged = read_acknowledged(&dir.join(ACKNOWLEDGED))?;
        // A clock that was set back must not put this run before what was written, or acknowledged, before it.
        let latest = names.iter().chain([&acknowledged.0]).filter_map(|name| boot_of(name)).max();
        let boot = format!("{:016x}", latest.map_or(boot_ns, |latest| boot_ns.max(latest.saturating_add(1))));
        let mut segments = VecDeque::new();
        for name in names {
            let path = segment_path(dir, &name);
            if name < acknowledged.0 {
                fs::remove_file(&path).map_err(|error| named(error, &path))?;
                continue;
            }
            let file = File::open(&path).map_err(|error| named(error, &path))?;
            let len = complete_len(&file).map_err(|error| named(error, &path))?;
            if len == 0 || (name == acknowledged.0 && acknowledged.1 >= len) {
                fs::remove_file(&path).map_err(|error| named(error, &path))?;
                continue;
            }
            segments.push_back(Segment { name, file: Arc::new(file), len, mapped: None });
        }
        let mut state = State {
            segments,
            cursor: acknowledged.clone(),
            acknowledged,
            next_number: 0,
            spare: None,
            closed: Vec::new(),
            is_dirty: false,
            unsynced: Vec::new(),
            is_folder_dirty: false,
        };
        // Without room for it an edge starts all the same: it serves the calls in progress, ships what is there, which makes room, and
        // takes new calls as soon as there is some.
        if let Err(error) = begin_segment(dir, &boot, segment_bytes, &mut state) {
            if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge) {
                return Err(error);
            }
            eprintln!("trunkline engine: the journal has no room to begin with: {error}");
        }
        Ok(Self { dir: dir.to_owned(), segment_bytes, boot, state: Mutex::new(state) })
    }

    /// This run's name, the first half of its segments' and facts' names.
    #[must_use]
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// Appends whole lines (each with its `\n`), all or none.
    ///
    /// # Errors
    /// What the file system says when a new segment is needed; then nothing of the lines was written.
    pub fn append(&self, lines: &[u8]) -> io::Result<()> {
        debug_assert!(lines.is_empty() || lines.ends_with(b"\n"), "a journal holds whole lines");
        if lines.is_empty() {
            return Ok(());
        }
        let mut state = self.lock();
        if !write(&mut state, lines) {
            begin_segment(&self.dir, &self.boot, self.segment_bytes.max(lines.len() as u64), &mut state)?;
            if !write(&mut state, lines) {
                return Err(io::Error::other(format!("a new segment has no room for {} bytes", lines.len())));
            }
        }
        state.is_dirty = true;
        Ok(())
    }

    /// Flushes what was appended to the disk; says whether there was anything new. What costs time besides is done here too, so that who
    /// appends waits for none of it: closed segments are cut to what they hold, and the next one is made when the last is half full.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sync(&self) -> io::Result<bool> {
        let (closed, spare) = {
            let mut state = self.lock();
            if !state.is_dirty {
                return Ok(false);
            }
            let is_wanted = state.spare.is_none() && state.segments.back().is_some_and(|last| last.len > self.segment_bytes / 2);
            (std::mem::take(&mut state.closed), is_wanted.then(|| next_name(&self.boot, &mut state)))
        };
        cut(closed);
        if let Some(name) = spare {
            // On a full disk there is none, and who appends will say so when it needs one.
            if let Ok(segment) = make_segment(&self.dir, name, self.segment_bytes) {
                let mut state = self.lock();
                state.is_folder_dirty = true;
                if state.segments.back().is_none_or(|last| last.name < segment.name) {
                    state.spare = Some(segment);
                } else {
                    // Who appends was quicker, and names are in the order of writing.
                    drop(state);
                    fs::remove_file(segment_path(&self.dir, &segment.name))?;
                }
            }
        }
        self.sync_files()?;
        Ok(true)
    }

    fn sync_files(&self) -> io::Result<()> {
        let (files, is_folder_dirty) = {
            let mut state = self.lock();
            state.is_dirty = false;
            let mut files = std::mem::take(&mut state.unsynced);
            files.extend(state.segments.back().map(|last| Arc::clone(&last.file)));
            (files, std::mem::take(&mut state.is_folder_dirty))
        };
        for (at, file) in files.iter().enumerate() {
            if let Err(error) = file.sync_data() {
                let mut state = self.lock();
                state.is_dirty = true;
                state.is_folder_dirty |= is_folder_dirty;
                state.unsynced.extend(files.into_iter().skip(at));
                return Err(error);
            }
        }
        if is_folder_dirty {
            if let Err(error) = File::open(&self.dir).and_then(|folder| folder.sync_all()) {
                let mut state = self.lock();
                (state.is_dirty, state.is_folder_dirty) = (true, true);
                return Err(named(error, &self.dir));
            }
        }
        Ok(())
    }

    /// Whole lines not drained yet, oldest first: at most `max_bytes` in all but at least one line, each chunk within one segment and of
    /// at most `chunk_bytes` but at least one line.
    ///
    /// # Errors
    /// What the file system says; the place to drain from is then as before the call.
    pub fn drain(&self, max_bytes: usize, chunk_bytes: usize) -> io::Result<Vec<Chunk>> {
        let mut chunks = Vec::new();
        let mut room = max_bytes;
        loop {
            // The lock is not held while reading: appending must not wait for a disk.
            let (name, file, from, len) = {
                let mut state = self.lock();
                match next_piece(&mut state) {
                    Some(piece) => piece,
                    None => return Ok(chunks),
                }
            };
            if room == 0 {
                return Ok(chunks);
            }
            let want = room.min(chunk_bytes);
            let lines = read_lines(&file, from, len, want)?;
            if lines.len() > room && !chunks.is_empty() {
                return Ok(chunks);
            }
            room = room.saturating_sub(lines.len());
            self.lock().cursor = (name.clone(), from + lines.len() as u64);
            chunks.push(Chunk { segment: name, offset: from, lines });
        }
    }

    /// The next `drain` begins at the oldest line that was not acknowledged.
    pub fn rewind(&self) {
        let mut state = self.lock();
        state.cursor = state.acknowledged.clone();
    }

    /// Everything before `offset` in this segment, and every segment before it, stands in the stream. Segments that are done with are
    /// deleted, except the one that is written to. An older place than the one known is ignored.
    ///
    /// # Errors
    /// What the file system says; the place is remembered in this run all the same, and its segments are gone. A next run may drain some
    /// lines again.
    pub fn acknowledge(&self, segment: &str, offset: u64) -> io::Result<()> {
        let place = (segment.to_owned(), offset);
        // Disks are slow at times, and who appends waits for the lock: files are touched without it.
        let done: Vec<Segment> = {
            let mut state = self.lock();
            if place <= state.acknowledged {
                return Ok(());
            }
            state.acknowledged = place.clone();
            if state.cursor < place {
                state.cursor = place;
            }
            let is_before = |at: &Segment| at.name.as_str() < segment || (at.name == segment && offset >= at.len);
            // Not the one that is written to.
            let count = state.segments.iter().take_while(|at| is_before(at) && at.mapped.is_none()).count();
            state.segments.drain(..count).collect()
        };
        // Before the place is noted: on a full disk this is what makes room for it.
        for Segment { name, .. } in done {
            let path = segment_path(&self.dir, &name);
            fs::remove_file(&path).map_err(|error| named(error, &path))?;
        }
        write_acknowledged(&self.dir.join(ACKNOWLEDGED), segment, offset)
    }

    /// Bytes appended and not acknowledged.
    #[must_use]
    pub fn backlog_bytes(&self) -> u64 {
        let state = self.lock();
        let (name, offset) = &state.acknowledged;
        state
            .segments
            .iter()
            .map(|segment| match segment.name.cmp(name) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => segment.len.saturating_sub(*offset),
                std::cmp::Ordering::Greater => segment.len,
            })
            .sum()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it held the lock left whole values behind: each field is assigned at once.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first segment with lines at or after the cursor.
fn next_piece(state: &mut State) -> Option<(String, Arc<File>, u64, u64)> {
    let (name, offset) = &state.cursor;
    state.segments.iter().find_map(|segment| {
        let from = match segment.name.cmp(name) {
            std::cmp::Ordering::Less => return None,
            std::cmp::Ordering::Equal => *offset,
            std::cmp::Ordering::Greater => 0,
        };
        (from < segment.len).then(|| (segment.name.clone(), Arc::clone(&segment.file), from, segment.len))
    })
}

/// The first half of a segment's name.
fn boot_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.split_once('-')?.0, 16).ok()
}

/// Into the segment that is written to; `false` where it has no room.
fn write(state: &mut State, lines: &[u8]) -> bool {
    let Some(last) = state.segments.back_mut() else { return false };
    let Some(mapped) = &mut last.mapped else { return false };
    let is_written = usize::try_from(last.len).is_ok_and(|at| mapped.write_at(at, lines));
    if is_written {
        last.len += lines.len() as u64;
    }
    is_written
}

fn next_name(boot: &str, state: &mut State) -> String {
    let name = format!("{boot}-{:08}", state.next_number);
    state.next_number += 1;
    name
}

/// One that could not be taken away when there was no room for it is left behind, and the next has a name of its own.
fn make_segment(dir: &Path, name: String, bytes: u64) -> io::Result<Segment> {
    let path = segment_path(dir, &name);
    let len = usize::try_from(bytes).map_err(|_| io::Error::other(format!("a segment of {bytes} bytes")))?;
    let (file, mapped) = MappedFile::create(&path, len).map_err(|error| named(error, &path))?;
    Ok(Segment { name, file: Arc::new(file), len: 0, mapped: Some(mapped) })
}

/// The next one is written to, with room for `bytes` at least: the spare one where there is one and it is large enough.
fn begin_segment(dir: &Path, boot: &str, bytes: u64, state: &mut State) -> io::Result<()> {
    let fits = |spare: &Segment| spare.mapped.as_ref().is_some_and(|mapped| mapped.len() as u64 >= bytes);
    let next = match state.spare.take() {
        Some(spare) if fits(&spare) => vec![spare],
        // Names are in the order of writing: it is passed over, empty.
        too_small => {
            let name = next_name(boot, state);
            let made = make_segment(dir, name, bytes);
            match made {
                Ok(made) => too_small.into_iter().map(|spare| Segment { mapped: None, ..spare }).chain([made]).collect(),
                Err(error) => {
                    state.spare = too_small;
                    return Err(error);
                }
            }
        }
    };
    state.is_folder_dirty = true;
    if let Some(last) = state.segments.back_mut() {
        if let Some(mapped) = last.mapped.take() {
            state.unsynced.push(Arc::clone(&last.file));
            state.closed.push(Segment { name: last.name.clone(), file: Arc::clone(&last.file), len: last.len, mapped: Some(mapped) });
        }
    }
    state.segments.extend(next);
    Ok(())
}

/// The room that was not used goes back to the disk; where it does not, a reader finds zeros there.
fn cut(closed: Vec<Segment>) {
    for Segment { name, file, len, mapped } in closed {
        drop(mapped);
        if let Err(error) = file.set_len(len) {
            eprintln!("trunkline engine: segment {name} of the journal keeps its unused room: {error}");
        }
    }
}

/// Reads from `from`, whole lines only: as many as fit into `want` bytes, or one.
fn read_lines(file: &File, from: u64, len: u64, want: usize) -> io::Result<Vec<u8>> {
    let left = usize::try_from(len - from).unwrap_or(usize::MAX);
    let mut size = want.min(left);
    loop {
        let mut lines = vec![0; size];
        file.read_exact_at(&mut lines, from)?;
        if let Some(end) = lines.iter().rposition(|byte| *byte == b'\n') {
            lines.truncate(end + 1);
            return Ok(lines);
        }
        if size >= left {
            return Err(io::Error::other(format!("no line end within {left} bytes of offset {from}")));
        }
        size = (2 * size).max(1024).min(left);
        if size > 2 * MAX_LINE_BYTES {
            return Err(io::Error::other(format!("a line at offset {from} is longer than {MAX_LINE_BYTES} bytes")));
        }
    }
}

/// Length up to and with the last line end before the first zero; no line holds one.
fn complete_len(file: &File) -> io::Result<u64> {
    let mut block = vec![0; 1 << 16];
    let (mut at, mut complete) = (0, 0);
    loop {
        let len = file.read_at(&mut block, at)?;
        let zero = block[..len].iter().position(|byte| *byte == 0);
        let part = &block[..zero.unwrap_or(len)];
        if let Some(end) = part.iter().rposition(|byte| *byte == b'\n') {
            complete = at + end as u64 + 1;
        }
        if len == 0 || zero.is_some() {
            return Ok(complete);
        }
        at += len as u64;
    }
}

fn read_acknowledged(path: &Path) -> io::Result<(String, u64)> {
    let mut text = String::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((String::new(), 0)),
        Err(error) => return Err(named(error, path)),
    };
    let mut words = text.split_whitespace();
    match (words.next(), words.next().map(str::parse)) {
        (Some(segment), Some(Ok(offset))) => Ok((segment.to_owned(), offset)),
        // Not worth refusing to start: shipping everything again changes nothing, since facts have ids.
        _ => Ok((String::new(), 0)),
    }
}

/// In place: a file under another name, and its renaming, would be two commits of the file system for each of ten pieces a second. What a
/// power cut leaves half written is no place, and everything is shipped again.
fn write_acknowledged(path: &Path, segment: &str, offset: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(|error| named(error, path))?;
    file.write_all_at(format!("{:<PLACE_BYTES$}\n", format!("{segment} {offset}")).as_bytes(), 0).map_err(|error| named(error, path))
}

fn segment_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}{SUFFIX}"))
}

fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
