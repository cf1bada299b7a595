//! Every input of the corpus again, and for a short time random changes of them: what fuzzing has found stays found.

use std::fs;
use std::path::{Path, PathBuf};

use trunkline_fuzz::TARGETS;

/// Random inputs for each target: a second or two. `make fuzz` does millions, guided by coverage.
const RANDOM_RUNS: u64 = 300;

/// Inputs in the folders of a target, by name.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("corpus").join(target)];
    if target == "parser" {
        // The torture tests are its seeds, and stay where they are classed.
        folders.extend(["rfc4475", "rfc5118"].map(|rfc| root.join("../message/tests").join(rfc)));
    }
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name != ".gitattributes"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// What is thrown is decided by a seed alone (SplitMix64): a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound.max(1)
    }
}

fn change(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let end = (at + dice.below(8)).min(bytes.len());
    match dice.below(4) {
        0 => drop(bytes.splice(at..end, (0..dice.below(8)).map(|_| dice.below(256) as u8).collect::<Vec<_>>())),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, other.get(dice.below(other.len())..).unwrap_or_default().iter().copied().take(40))),
        _ => drop(bytes.splice(at..at, bytes.get(at..end).unwrap_or_default().to_vec())),
    }
}

#[test]
fn what_held_for_every_input_of_the_corpus_still_holds() {
    for (target, run) in TARGETS {
        let inputs = corpus(target);
        assert!(inputs.len() >= 3, "{target} has seeds");
        for (path, bytes) in inputs {
            eprintln!("{}", path.display());
            run(&bytes);
        }
    }
}

#[test]
fn what_holds_for_the_corpus_holds_for_random_changes_of_it() {
    for (target, run) in TARGETS {
        let inputs = corpus(target);
        for seed in 0..RANDOM_RUNS {
            let mut dice = Dice(seed);
            let mut bytes = inputs[dice.below(inputs.len())].1.clone();
            let other = &inputs[dice.below(inputs.len())].1;
            for _ in 0..=dice.below(6) {
                change(&mut bytes, other, &mut dice);
            }
            eprintln!("{target}, seed {seed}");
            run(&bytes);
        }
    }
}
