//! A failing run made smaller, and told so that it can be made again.

use std::collections::BTreeSet;

use super::world::{run, Outcome, Plan};

/// Runs that one failure is worth.
const MAX_RUNS: u32 = 80;
/// Lines of the log at the end of a report.
const MAX_LINES: usize = 400;

/// Leaves out faults, then single packets' fates, as long as something is still wrong.
fn shrink(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let mut runs = 0;
    let mut is_failing = |plan: &Plan| {
        runs += 1;
        runs <= MAX_RUNS && !run(plan, false).wrongs.is_empty()
    };
    let mut at = 0;
    while at < plan.faults.len() {
        let mut smaller = plan.clone();
        smaller.faults.remove(at);
        if is_failing(&smaller) {
            plan = smaller;
        } else {
            at += 1;
        }
    }
    // Half of what was hit at a time, then smaller parts.
    let mut size = run(&plan, false).hit.len().div_ceil(2);
    while size > 0 {
        let mut is_smaller = false;
        let hit = run(&plan, false).hit;
        for part in hit.chunks(size) {
            let spared: BTreeSet<_> = plan.spared.iter().chain(part).cloned().collect();
            let smaller = Plan { spared, ..plan.clone() };
            if is_failing(&smaller) {
                plan = smaller;
                is_smaller = true;
                break;
            }
        }
        if !is_smaller {
            size /= 2;
        }
    }
    plan
}

/// What is wrong, the smallest run that shows it, and how to make it again.
pub fn report(plan: &Plan, outcome: &Outcome, again: &str) -> String {
    let small = shrink(plan);
    let shown = run(&small, true);
    let mut text = format!(
        "{again}\n  flow: {}\n  sibling known: {}\n  workers: {}\n  by TCP: {:?}\n",
        plan.script.name, plan.has_sibling, plan.workers, plan.streams
    );
    for fault in &plan.faults {
        let fate = if small.faults.contains(fault) { "" } else { " (not needed)" };
        text.push_str(&format!("  fault: {fault}{fate}\n"));
    }
    text.push_str(&format!("  datagrams that something happened to: {}\n", shown.hit.len()));
    for wrong in &outcome.wrongs {
        text.push_str(&format!("  wrong: {wrong}\n"));
    }
    for wrong in shown.wrongs.iter().filter(|wrong| !outcome.wrongs.contains(wrong)) {
        text.push_str(&format!("  wrong in the smaller run: {wrong}\n"));
    }
    text.push_str("the smaller run:\n");
    for line in shown.log.iter().take(MAX_LINES) {
        text.push_str(&format!("  {line}\n"));
    }
    text
}
