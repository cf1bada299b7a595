//! The journal over real files: restarts, torn ends, acknowledgements.

use std::fs;
use std::path::PathBuf;

use trunkline_edge::journal::{Journal, SEGMENT_BYTES};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("trunkline-journal-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn segments(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".jsonl"))
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn drained(journal: &Journal) -> String {
    let chunks = journal.drain(1 << 20, 1 << 18).unwrap();
    chunks.iter().map(|chunk| String::from_utf8(chunk.lines.clone()).unwrap()).collect()
}

#[test]
fn lines_are_drained_once_in_order_and_again_after_a_rewind() {
    let folder = Folder::new("order");
    let journal = Journal::open(&folder.0, 1, SEGMENT_BYTES).unwrap();
    journal.append(b"a\nb\n").unwrap();
    journal.append(b"c\n").unwrap();
    assert_eq!(drained(&journal), "a\nb\nc\n");
    assert_eq!(drained(&journal), "");
    journal.append(b"d\n").unwrap();
    assert_eq!(drained(&journal), "d\n");
    journal.rewind();
    assert_eq!(drained(&journal), "a\nb\nc\nd\n");
}

#[test]
fn a_drain_that_is_full_but_for_a_few_bytes_leaves_a_short_last_line_for_the_next() {
    let folder = Folder::new("full");
    let journal = Journal::open(&folder.0, 1, SEGMENT_BYTES).unwrap();
    let last = format!("{}\n", "x".repeat(300));
    journal.append(format!("aaa\n{last}").as_bytes()).unwrap();
    let chunks = journal.drain(6, 1 << 18).unwrap();
    assert_eq!((chunks.len(), chunks[0].lines.as_slice()), (1, b"aaa\n".as_slice()));
    assert_eq!(drained(&journal), last);
}

#[test]
fn a_chunk_is_cut_at_a_line_end_and_a_long_line_comes_whole() {
    let folder = Folder::new("cut");
    let journal = Journal::open(&folder.0, 1, SEGMENT_BYTES).unwrap();
    let long = format!("{}\n", "x".repeat(5000));
    journal.append(format!("aaa\nbbb\n{long}").as_bytes()).unwrap();
    let chunks = journal.drain(6, 6).unwrap();
    assert_eq!((chunks.len(), chunks[0].lines.as_slice(), chunks[0].offset), (1, b"aaa\n".as_slice(), 0));
    let chunks = journal.drain(6, 6).unwrap();
    assert_eq!((chunks[0].lines.as_slice(), chunks[0].offset), (b"bbb\n".as_slice(), 4));
    assert_eq!(journal.drain(6, 6).unwrap()[0].lines, long.as_bytes());
}

#[test]
fn what_was_not_acknowledged_is_drained_by_the_next_run_before_its_own() {
    let folder = Folder::new("restart");
    let first = Journal::open(&folder.0, 1, SEGMENT_BYTES).unwrap();
    first.append(b"a\nb\n").unwrap();
    let chunks = first.drain(2, 2).unwrap();
    first.acknowledge(&chunks[0].segment, 2).unwrap();
    drop(first);
    let second = Journal::open(&folder.0, 2, SEGMENT_BYTES).unwrap();
    second.append(b"c\n").unwrap();
    assert_eq!(second.backlog_bytes(), 4);
    assert_eq!(drained(&second), "b\nc\n");
}

#[test]
fn a_torn_last_line_of_an_earlier_run_is_not_read() {
    let folder = Folder::new("torn");
    let first = Journal::open(&folder.0, 1, SEGMENT_BYTES).unwrap();
    first.append(b"a\n").unwrap();
    drop(first);
    let path = folder.0.join(&folder.segments()[0]);
    fs::write(&path, b"a\n{\"half").unwrap();
    let second = Journal::open(&folder.0, 2, SEGMENT_BYTES).unwrap();
    second.append(b"c\n").unwrap();
    assert_eq!(drained(&second), "a\nc\n");
}

#[test]
fn acknowledged_segments_are_deleted_and_stay_away() {
    let folder = Folder::new("delete");
    let journal = Journal::open(&folder.0, 1, SEGMENT_BYTES).unwrap();
    let line = vec![b'x'; 65535].into_iter().chain([b'\n']).collect::<Vec<_>>();
    for _ in 0..=(SEGMENT_BYTES / line.len() as u64) {
        journal.append(&line).unwrap();
    }
    assert_eq!(folder.segments().len(), 2);
    let mut last = (String::new(), 0);
    loop {
        let chunks = journal.drain(1 << 20, 1 << 18).unwrap();
        let Some(chunk) = chunks.last() else { break };
        last = (chunk.segment.clone(), chunk.offset + chunk.lines.len() as u64);
    }
    journal.acknowledge(&last.0, last.1).unwrap();
    assert_eq!((folder.segments().len(), journal.backlog_bytes()), (1, 0));
    drop(journal);
    let next = Journal::open(&folder.0, 2, SEGMENT_BYTES).unwrap();
    assert_eq!((drained(&next).as_str(), folder.segments().len()), ("", 1));
}

#[test]
fn sync_says_whether_there_was_anything_new() {
    let folder = Folder::new("sync");
    let journal = Journal::open(&folder.0, 1, SEGMENT_BYTES).unwrap();
    assert!(!journal.sync().unwrap());
    journal.append(b"a\n").unwrap();
    assert!(journal.sync().unwrap());
    assert!(!journal.sync().unwrap());
}

#[test]
fn facts_of_a_run_whose_clock_is_behind_the_last_ones_are_drained() {
    let folder = Folder::new("clock");
    let first = Journal::open(&folder.0, 2_000, SEGMENT_BYTES).unwrap();
    first.append(b"one\n").unwrap();
    let chunk = first.drain(1000, 1000).unwrap().remove(0);
    first.acknowledge(&chunk.segment, 4).unwrap();
    drop(first);
    let second = Journal::open(&folder.0, 1_000, SEGMENT_BYTES).unwrap();
    second.append(b"two\n").unwrap();
    assert_eq!(drained(&second), "two\n");
    drop(second);
    assert_eq!(
        drained(&Journal::open(&folder.0, 1_500, SEGMENT_BYTES).unwrap()),
        "two\n",
        "and after the next start, while nothing was acknowledged"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let error = Journal::open(std::path::Path::new("/proc/nowhere"), 1, SEGMENT_BYTES).unwrap_err();
    assert!(error.to_string().contains("/proc/nowhere"), "{error}");
}

#[test]
fn what_a_killed_run_wrote_is_read_up_to_the_zeros_behind_it() {
    let folder = Folder::new("killed");
    let killed = Journal::open(&folder.0, 1, 4096).unwrap();
    killed.append(b"a\nb\n").unwrap();
    let path = folder.0.join(&folder.segments()[0]);
    assert_eq!(fs::metadata(&path).unwrap().len(), 4096);
    // As a second process sees it, with the first one's mapping still there.
    let next = Journal::open(&folder.0, 2, 4096).unwrap();
    assert_eq!((drained(&next).as_str(), next.backlog_bytes()), ("a\nb\n", 4));
    drop(killed);
    // A page that a power cut kept from the disk: what stands behind it counts for nothing.
    fs::write(&path, b"a\nb\n\0\0\0\0late\n").unwrap();
    drop(next);
    assert_eq!(drained(&Journal::open(&folder.0, 3, 4096).unwrap()), "a\nb\n");
}

#[test]
fn a_segment_without_room_for_the_next_lines_is_cut_to_what_it_holds() {
    let folder = Folder::new("cut-off");
    let journal = Journal::open(&folder.0, 1, 10).unwrap();
    for lines in [&b"12345\n"[..], b"678\n", b"9\n", b"longer than a segment\n", b"x\n"] {
        journal.append(lines).unwrap();
    }
    journal.sync().unwrap();
    let lengths: Vec<u64> = folder.segments().iter().map(|name| fs::metadata(folder.0.join(name)).unwrap().len()).collect();
    assert_eq!(lengths, [10, 2, 22, 10]);
    assert_eq!(drained(&journal), "12345\n678\n9\nlonger than a segment\nx\n");
}

#[test]
fn a_place_that_cannot_be_noted_frees_the_disk_all_the_same() {
    let folder = Folder::new("noted");
    let journal = Journal::open(&folder.0, 1, 4).unwrap();
    for line in [b"aa\n", b"bb\n", b"cc\n"] {
        journal.append(line).unwrap();
    }
    let chunks = journal.drain(1 << 20, 1 << 18).unwrap();
    // As little as on a full disk can the file be written.
    fs::create_dir(folder.0.join("acked")).unwrap();
    assert!(journal.acknowledge(&chunks[1].segment, 3).is_err());
    assert_eq!(folder.segments().len(), 1, "what stands in the stream needs no room");
    fs::remove_dir(folder.0.join("acked")).unwrap();
    journal.acknowledge(&chunks[2].segment, 3).unwrap();
    drop(journal);
    assert_eq!(drained(&Journal::open(&folder.0, 2, 4).unwrap()), "");
}

#[test]
fn the_next_segment_is_there_before_it_is_needed() {
    let folder = Folder::new("spare");
    let journal = Journal::open(&folder.0, 1, 8).unwrap();
    journal.append(b"aaa\n").unwrap();
    journal.sync().unwrap();
    assert_eq!(folder.segments().len(), 1, "half is not used yet");
    journal.append(b"bb\n").unwrap();
    journal.sync().unwrap();
    assert_eq!(folder.segments().len(), 2);
    journal.append(b"cc\n").unwrap();
    assert_eq!(folder.segments().len(), 2, "the one that was there");
    journal.append(b"dd\n").unwrap();
    journal.sync().unwrap();
    // What the spare one has no room for goes behind it, and what comes next behind that.
    journal.append(b"longer than a segment\n").unwrap();
    journal.append(b"e\n").unwrap();
    let all = "aaa\nbb\ncc\ndd\nlonger than a segment\ne\n";
    assert_eq!(drained(&journal), all);
    journal.sync().unwrap();
    journal.rewind();
    assert_eq!(drained(&journal), all, "also when closed ones were cut");
    drop(journal);
    let next = Journal::open(&folder.0, 2, 8).unwrap();
    assert_eq!(drained(&next), all);
    let chunks = {
        next.rewind();
        next.drain(1 << 20, 1 << 18).unwrap()
    };
    let last = chunks.last().unwrap();
    next.acknowledge(&last.segment, last.offset + last.lines.len() as u64).unwrap();
    assert_eq!(folder.segments().len(), 1, "the one that is written to");
}

#[test]
fn a_full_disk_is_begun_with_and_what_was_left_is_shipped() {
    let folder = Folder::new("full");
    let earlier = Journal::open(&folder.0, 1, 4096).unwrap();
    earlier.append(b"left\n").unwrap();
    drop(earlier);
    // More than any disk has.
    let journal = Journal::open(&folder.0, 2, 1 << 62).unwrap();
    assert!(journal.append(b"new\n").is_err());
    assert!(!journal.sync().unwrap());
    let chunks = journal.drain(1 << 20, 1 << 18).unwrap();
    assert_eq!(chunks[0].lines, b"left\n");
    journal.acknowledge(&chunks[0].segment, 5).unwrap();
    assert_eq!((folder.segments().len(), journal.backlog_bytes()), (0, 0), "which makes room");
}

#[test]
fn the_place_is_noted_over_an_older_one_whatever_its_length() {
    let folder = Folder::new("place");
    let journal = Journal::open(&folder.0, 1, SEGMENT_BYTES).unwrap();
    journal.append(b"a\nb\nc\n").unwrap();
    let segment = folder.segments()[0].trim_end_matches(".jsonl").to_owned();
    fs::write(folder.0.join("acked"), [b'9'; 100]).unwrap();
    for offset in [2, 4] {
        journal.acknowledge(&segment, offset).unwrap();
    }
    drop(journal);
    assert_eq!(drained(&Journal::open(&folder.0, 2, SEGMENT_BYTES).unwrap()), "c\n");
    fs::write(folder.0.join("acked"), b"torn").unwrap();
    assert_eq!(drained(&Journal::open(&folder.0, 3, SEGMENT_BYTES).unwrap()), "a\nb\nc\n");
}

#[test]
fn a_segment_that_could_not_be_begun_is_not_in_the_way_of_the_next() {
    let folder = Folder::new("begun");
    let journal = Journal::open(&folder.0, 1, 4).unwrap();
    journal.append(b"aa\n").unwrap();
    fs::write(folder.0.join("0000000000000001-00000001.jsonl"), b"").unwrap();
    let _ = journal.append(b"bb\n");
    journal.append(b"cc\n").unwrap();
    assert!(drained(&journal).ends_with("cc\n"));
}
