//! What has to be true when a run has come to rest.

use trunkline_transaction::{CallId, FactKind};

use super::edge::Written;
use super::faults::{can_all_end, Fault, Kill};
use super::world::{is_forking, Outcome, World};

pub fn check(world: &World, outcome: &mut Outcome) {
    let mut wrongs = Vec::new();
    for edge in &world.edges {
        wrongs.extend(edge.watch.wrongs.iter().cloned());
        for proxy in &edge.cores {
            if proxy.entry_count() != 0 || proxy.next_deadline().is_some() {
                wrongs.push(format!("{} entries are left in {}, {} calls", proxy.entry_count(), edge.address, proxy.call_count()));
            }
        }
        outcome.happened.extend(edge.names().map(str::to_owned));
        outcome.happened.extend((0..edge.team.passed).map(|_| "passed to another worker".to_owned()));
    }
    outcome.happened.extend((0..world.streams.count()).map(|_| "connection".to_owned()));
    outcome.happened.extend((0..world.ends).map(|_| "end of a connection".to_owned()));
    check_records(world, &mut wrongs);
    check_agents(world, &mut wrongs, outcome);
    outcome.wrongs = wrongs;
}

fn check_agents(world: &World, wrongs: &mut Vec<String>, outcome: &mut Outcome) {
    let plan = &world.plan;
    let is_quiet = plan.faults.is_empty();
    for agent in world.agents.iter().filter(|agent| !world.dead.contains_key(&agent.name)) {
        let name = &agent.name;
        wrongs.extend(agent.wrongs.iter().map(|wrong| format!("{name}: {wrong}")));
        if !plan.faults.iter().any(|fault| matches!(fault, Fault::Kill(Kill { back_after_ms: Some(_), .. }))) {
            wrongs.extend(agent.changes.iter().map(|change| format!("{name}: {change}")));
        }
        if !agent.is_at_rest() || agent.clients.iter().any(|client| client.is_open()) {
            wrongs.push(format!("{name} still waits for a response"));
        }
        if agent.is_in_call() && can_all_end(&plan.faults, plan.has_sibling) {
            wrongs.push(format!("{name} is left in a call: {:#?}", agent.dialogs));
        }
        for (index, client) in agent.clients.iter().enumerate().filter(|(_, client)| client.request.method == "INVITE") {
            let finals: Vec<u16> = agent.finals.iter().filter(|(known, _)| *known == index).map(|(_, status)| *status).collect();
            let is_one = finals.len() <= 1 || (is_forking(&plan.script) && finals.iter().all(|status| *status < 300));
            if !is_one {
                wrongs.push(format!("{name} got more than one final response to {}: {finals:?}", client.request.start()));
            }
            if is_quiet && client.status.is_none() {
                wrongs.push(format!("{name} got no final response, and nothing was lost: {}", client.request.start()));
            }
        }
        for server in agent.servers.iter().filter(|server| is_quiet && server.is_unacked && !agent.callee.ignores_cancel) {
            let (status, start) = (server.status.unwrap_or_default(), server.request.start());
            let is_passed = server.is_accepted() || server.status == Some(504);
            if !is_passed {
                wrongs.push(format!("{name}'s {status} to {start} was not acknowledged, and nothing was lost"));
            }
        }
        outcome.happened.extend(agent.finals.iter().map(|(_, status)| status.to_string()));
        check_told(world, name, &agent.finals, wrongs);
    }
}

/// What the caller was told is what was written.
fn check_told(world: &World, name: &str, finals: &[(usize, u16)], wrongs: &mut Vec<String>) {
    let call_id = format!("call-of-{name}");
    let of_call =
        |call: CallId| world.edges.iter().flat_map(|edge| &edge.attempts).any(|known| known.call == call && known.call_id == call_id);
    let facts = || world.edges.iter().flat_map(|edge| &edge.journal).filter(|written| of_call(written.fact.call));
    for (_, told) in finals {
        let is_written = facts().any(|written| match written.fact.kind {
            FactKind::Answered { status, .. } | FactKind::Failed { status, .. } | FactKind::Refused { status, .. } => status == *told,
            _ => false,
        });
        if !is_written {
            wrongs.push(format!("{name} was told {told}, and no fact says so"));
        }
    }
}

/// One record an attempt, made of what all edges wrote.
fn check_records(world: &World, wrongs: &mut Vec<String>) {
    for (at, edge) in world.edges.iter().enumerate() {
        for attempt in &edge.attempts {
            let facts: Vec<&Written> =
                world.edges.iter().flat_map(|edge| &edge.journal).filter(|written| written.fact.call == attempt.call).collect();
            let own: Vec<&Written> = facts.iter().copied().filter(|written| written.life == attempt.life).collect();
            let has_survived = edge.is_alive && edge.life == attempt.life;
            let says =
                |wrong: &str| format!("{wrong}: {:#?}", facts.iter().map(|written| (written.life, &written.fact)).collect::<Vec<_>>());
            let answers = counted_answers(&own);
            let failures =
                own.iter().filter(|written| matches!(written.fact.kind, FactKind::Failed { .. } | FactKind::Refused { .. })).count();
            if answers + failures > 1 || (has_survived && answers + failures != 1) {
                wrongs.push(says(&format!("{answers} answers and {failures} failures of an attempt")));
            }
            check_tries(&own, &says, wrongs);
            check_ends(world, &facts, at, answers, &says, wrongs);
        }
    }
}

/// An answer of a gateway that was given up is no answer of the call.
fn counted_answers(own: &[&Written]) -> usize {
    let is_given_up = |before: &[&Written], number: u32| {
        before.iter().any(|written| matches!(written.fact.kind, FactKind::GatewayFailed { number: known, .. } if known == number))
    };
    let is_counted = |(at, written): &(usize, &&Written)| match written.fact.kind {
        FactKind::Answered { number, .. } => !is_given_up(&own[..*at], number),
        _ => false,
    };
    own.iter().enumerate().filter(is_counted).count()
}

fn check_tries(own: &[&Written], says: &impl Fn(&str) -> String, wrongs: &mut Vec<String>) {
    for number in 1..=2 {
        let counts = [
            own.iter().filter(|w| matches!(w.fact.kind, FactKind::GatewayTried { number: known, .. } if known == number)).count(),
            own.iter().filter(|w| matches!(w.fact.kind, FactKind::GatewayFailed { number: known, .. } if known == number)).count(),
            own.iter().filter(|w| matches!(w.fact.kind, FactKind::Progressed { number: known, .. } if known == number)).count(),
            own.iter().filter(|w| matches!(w.fact.kind, FactKind::Answered { number: known, .. } if known == number)).count(),
        ];
        if counts.iter().any(|count| *count > 1) || counts[1..].iter().any(|count| *count > counts[0]) {
            wrongs.push(says(&format!("try {number} was tried, failed, progressed and answered {counts:?} times")));
        }
    }
}

/// An edge says the end of a call once; an answered call has one as soon as somebody can say it; and it names the answer's time or none.
fn check_ends(world: &World, facts: &[&Written], at: usize, answers: usize, says: &impl Fn(&str) -> String, wrongs: &mut Vec<String>) {
    let ends: Vec<&&Written> = facts.iter().filter(|written| matches!(written.fact.kind, FactKind::Ended { .. })).collect();
    for end in &ends {
        if ends.iter().filter(|other| other.life == end.life).count() > 1 {
            wrongs.push(says("two ends from one edge"));
        }
    }
    let has_survived = world.edges[at].is_alive && facts.first().is_some_and(|first| world.edges[at].life == first.life);
    // A token that has run out ends nothing: what the dead edge would have said at its row's end is left to the records.
    // Nor does anybody of a call whose sides have taken the BYEs of an edge that did not live to hear so.
    let is_hung_up = facts.iter().any(|written| matches!(written.fact.kind, FactKind::HungUp { .. }));
    let can_end = can_all_end(&world.plan.faults, world.plan.has_sibling) && !world.plan.script.outlasts_tokens() && !is_hung_up;
    let is_ended = has_survived || can_end;
    if answers == 1 && ends.is_empty() && is_ended {
        wrongs.push(says("an answered call has no end"));
    }
    let answered_ns: Vec<u64> =
        facts.iter().filter(|written| matches!(written.fact.kind, FactKind::Answered { .. })).map(|written| written.fact.time_ns).collect();
    for end in ends {
        let FactKind::Ended { answered_ns: said_ns, .. } = end.fact.kind else { continue };
        // A token counts milliseconds.
        let is_near = answered_ns.iter().any(|at_ns| at_ns.abs_diff(said_ns) < 1_000_000);
        if said_ns != 0 && !is_near {
            wrongs.push(says(&format!("the end says answered at {said_ns}")));
        }
        if answered_ns.iter().all(|at_ns| end.fact.time_ns < *at_ns) && !answered_ns.is_empty() {
            wrongs.push(says("the end comes before the answer"));
        }
    }
}
