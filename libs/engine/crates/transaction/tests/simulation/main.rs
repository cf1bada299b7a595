//! Callers, two edges of one or two workers, and two carriers, by datagrams on a network that loses, doubles, delays and parts, and by connections that end with
//! whoever has them; everybody may die at any step. In virtual time: no call hangs, nothing leaks, one final answer, one record an attempt.
//!
//! `SEEDS=100000 cargo test -p trunkline-transaction --test simulation` runs more; a failure prints the `SEED=` that makes it again.

#[path = "../support/mod.rs"]
mod support;

mod agent;
mod answering;
mod calling;
mod checks;
mod dialog;
mod dice;
mod edge;
mod faults;
mod flows;
mod network;
mod script;
mod shrink;
mod sip;
mod streams;
mod team;
mod watch;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use dice::Dice;
use faults::{Fault, Kill, EDGE, SIBLING};
use world::{run, Plan, Sides};

/// Runs with thrown faults, where `SEEDS` does not say how many.
const SEEDS: u64 = 3_000;
/// Failures that are told; more tell nothing new.
const MAX_TOLD: usize = 3;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn thrown(seed: u64) -> Plan {
    let mut dice = Dice::new(seed, "plan");
    let flow = dice.below(flows::FLOWS.len() as u64) as usize;
    Plan {
        seed,
        script: flows::script(flow, &mut Dice::new(seed, "script")),
        faults: faults::throw(&mut Dice::new(seed, "faults")),
        spared: BTreeSet::new(),
        has_sibling: dice.is_hit(60),
        is_anonymous: dice.is_hit(20),
        is_hidden: dice.is_hit(40),
        saves_calls: dice.is_hit(50),
        workers: 1 + u8::from(Dice::new(seed, "workers").is_hit(40)),
        streams: Sides { customer: dice.is_hit(33), carrier: dice.is_hit(33) },
    }
}

#[test]
fn whatever_happens_every_call_ends_once_and_nothing_is_left() {
    let seeds = match number("SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("SEEDS").unwrap_or(SEEDS),
    };
    let (mut told, mut failed) = (Vec::new(), Vec::<String>::new());
    let mut happened = BTreeMap::<String, u64>::new();
    for seed in seeds.clone() {
        let plan = thrown(seed);
        let outcome = run(&plan, false);
        for what in &outcome.happened {
            *happened.entry(what.clone()).or_default() += 1;
        }
        if !outcome.wrongs.is_empty() {
            let first = outcome.wrongs[0].lines().next().unwrap_or_default();
            failed.push(format!("  {seed}: {}: {first}", plan.script.name));
            if told.len() < MAX_TOLD {
                let again = format!("SEED={seed} cargo test -p trunkline-transaction --test simulation");
                told.push(shrink::report(&plan, &outcome, &again));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} seeds fail:\n{}\n{}", failed.len(), seeds.count(), failed.join("\n"), told.join("\n"));
    if number("SEED").is_none() {
        // The dice reach every kind of end, or the runs would prove little.
        let facts = ["Answered", "Ended", "Failed", "GatewayFailed", "Progressed", "Refused"];
        for what in ["200", "404", "486", "487", "500", "503", "603", "connection", "end of a connection", "passed to another worker"]
            .iter()
            .chain(&facts)
        {
            assert!(happened.get(*what).is_some_and(|count| *count >= 20), "{what}: {happened:?}");
        }
    }
}

/// A seed beyond the usual ones: the second fork's 2xx is passed on and lost, and the caller hangs up on the first meanwhile.
#[test]
fn a_fork_whose_answer_was_lost_is_not_left_in_its_call() {
    let wrongs = run(&thrown(6_347), false).wrongs;
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}

/// Every flow without faults, and with one death at every step of it: of the edge at each of its inputs, before it does anything, after its
/// first action and after all of them; then of the sibling that took over; of a carrier and of the caller. By datagrams, and by connections.
#[test]
fn whoever_dies_at_whatever_step_every_call_ends_once_and_nothing_is_left() {
    let mut failed = Vec::new();
    let mut told = Vec::new();
    let mut runs = 0;
    let mut try_out = |plan: &Plan, what: &str| {
        runs += 1;
        let outcome = run(plan, false);
        if !outcome.wrongs.is_empty() {
            failed.push(format!("  {}: {what}: {}", plan.script.name, outcome.wrongs[0].lines().next().unwrap_or_default()));
            if told.len() < MAX_TOLD {
                told.push(shrink::report(plan, &outcome, what));
            }
        }
        outcome
    };
    for flow in 0..flows::FLOWS.len() {
        let seed = 1 + flow as u64;
        let quiet = Plan {
            seed,
            script: flows::script(flow, &mut Dice::new(seed, "script")),
            faults: Vec::new(),
            spared: BTreeSet::new(),
            has_sibling: true,
            is_anonymous: false,
            is_hidden: flow % 3 == 0,
            saves_calls: false,
            workers: 1 + flow as u8 % 2,
            streams: Sides::default(),
        };
        let inputs = try_out(&quiet, "nobody dies").inputs;
        for (at, death) in deaths(&inputs).into_iter().enumerate() {
            let faults = vec![Fault::Kill(death.clone())];
            let alone = Plan { faults, has_sibling: false, saves_calls: at % 2 == 0, ..quiet.clone() };
            let helped = Plan { has_sibling: true, saves_calls: at % 2 == 1, ..alone.clone() };
            try_out(&alone, &format!("{}, no sibling", alone.faults[0]));
            let taken_over = try_out(&helped, &format!("{}, with a sibling", helped.faults[0])).inputs;
            // One death in four is followed by one of the sibling, at each of its steps.
            let steps = taken_over.get(SIBLING).copied().filter(|_| death.victim == EDGE && at % 4 == 0).unwrap_or_default();
            for at_input in 0..steps {
                let second = Kill { victim: SIBLING, at_input, after_actions: at_input as usize % 3, ..death.clone() };
                let plan = Plan { faults: vec![Fault::Kill(death.clone()), Fault::Kill(second)], ..helped.clone() };
                try_out(&plan, &format!("{} and {}", plan.faults[0], plan.faults[1]));
            }
        }
        let streams = Sides { customer: flow % 3 != 0, carrier: flow % 3 != 1 };
        let streaming = Plan { streams, ..quiet };
        let inputs = try_out(&streaming, &format!("{streams:?} by TCP, nobody dies")).inputs;
        // Half of them, of every kind.
        for (at, death) in deaths(&inputs).into_iter().enumerate().filter(|(at, _)| at % 4 < 2) {
            let faults = vec![Fault::Kill(death)];
            let plan = Plan { faults, has_sibling: at / 4 % 2 == 0, saves_calls: at % 2 == 0, ..streaming.clone() };
            try_out(&plan, &format!("{streams:?} by TCP, {}, sibling: {}", plan.faults[0], plan.has_sibling));
        }
    }
    assert!(failed.is_empty(), "{} of {runs} runs fail:\n{}\n{}", failed.len(), failed.join("\n"), told.join("\n"));
    assert!(runs > 3_000, "{runs} runs");
}

fn deaths(inputs: &BTreeMap<String, u64>) -> Vec<Kill> {
    let mut deaths = Vec::new();
    for (victim, cuts) in [(EDGE, &[0, 1, 99][..]), ("alpha", &[0]), ("first", &[0])] {
        for at_input in 0..inputs.get(victim).copied().unwrap_or_default() {
            for after_actions in cuts.iter().copied() {
                // Each step one way to die and to come back, the next one another.
                let turn = at_input + after_actions as u64;
                let is_process = [true, false][turn as usize % 2];
                let back_after_ms = [None, Some(10), Some(4_000)][turn as usize % 3];
                deaths.push(Kill { victim, at_input, after_actions, is_process, back_after_ms });
            }
        }
    }
    deaths
}
