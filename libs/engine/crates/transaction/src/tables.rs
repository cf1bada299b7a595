//! The machines as data: every state met with every event. `docs/state-machines.md` is made of it (`examples/machines.rs`).

use std::fmt::Debug;

use crate::machine::{ClientTimer, Run, ServerTimer};
use crate::proxy::phase;
use crate::{invite_client, invite_server, request_client, request_server};

/// One machine; the first state is where it starts. `rows` are those in which something changes or is done, in the order of states and
/// events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub name: &'static str,
    pub source: &'static str,
    pub states: Vec<String>,
    pub rows: Vec<Row>,
}

/// Names as in the source; `effects` in the order in which they are done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub state: String,
    pub event: String,
    pub next: String,
    pub effects: Vec<String>,
}

/// How a timer runs over a transport that loses and over one that does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerRow {
    pub name: String,
    pub unreliable: String,
    pub reliable: String,
}

/// Every timer that a machine starts, servers' and clients' (RFC 3261 §17, table 4).
pub fn timers() -> Vec<TimerRow> {
    let row = |name: String, over: [Run; 2]| TimerRow { name, unreliable: format!("{:?}", over[0]), reliable: format!("{:?}", over[1]) };
    let servers = ServerTimer::ALL.into_iter().map(|timer| row(format!("{timer:?}"), [false, true].map(|is| timer.over(is))));
    let clients = ClientTimer::ALL.into_iter().map(|timer| row(format!("{timer:?}"), [false, true].map(|is| timer.over(is))));
    let mut rows: Vec<TimerRow> = servers.chain(clients).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// The four transaction machines (RFC 3261 §17) and the phases of a call.
pub fn machines() -> Vec<Machine> {
    vec![
        machine(
            ("INVITE client transaction", "invite_client.rs"),
            &invite_client::State::ALL,
            invite_client::Event::all(),
            active(invite_client::step),
        ),
        machine(
            ("Non-INVITE client transaction", "request_client.rs"),
            &request_client::State::ALL,
            request_client::Event::all(),
            active(request_client::step),
        ),
        machine(
            ("INVITE server transaction", "invite_server.rs"),
            &invite_server::State::ALL,
            invite_server::Event::all(),
            active(invite_server::step),
        ),
        machine(
            ("Non-INVITE server transaction", "request_server.rs"),
            &request_server::State::ALL,
            request_server::Event::all(),
            active(request_server::step),
        ),
        machine(("Phases of a call", "proxy/phase.rs"), &phase::Phase::ALL, phase::Change::ALL, |phase, change| {
            phase::step(phase, change).map(|next| (next, Vec::new()))
        }),
    ]
}

/// Without the events that change nothing.
fn active<S: Copy + PartialEq, E, F: Debug + 'static>(step: fn(S, E) -> (S, &'static [F])) -> impl Fn(S, E) -> Option<(S, Vec<String>)> {
    move |state, event| {
        let (next, effects) = step(state, event);
        let is_active = next != state || !effects.is_empty();
        is_active.then(|| (next, effects.iter().map(|effect| format!("{effect:?}")).collect()))
    }
}

fn machine<S: Copy + Debug, E: Copy + Debug>(
    (name, source): (&'static str, &'static str),
    states: &[S],
    events: impl IntoIterator<Item = E>,
    step: impl Fn(S, E) -> Option<(S, Vec<String>)>,
) -> Machine {
    let events: Vec<E> = events.into_iter().collect();
    let pairs = states.iter().flat_map(|state| events.iter().map(|event| (*state, *event)));
    let rows = pairs.filter_map(|(state, event)| {
        let (next, effects) = step(state, event)?;
        Some(Row { state: format!("{state:?}"), event: format!("{event:?}"), next: format!("{next:?}"), effects })
    });
    Machine { name, source, states: states.iter().map(|state| format!("{state:?}")).collect(), rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_reached_from_the_first_and_all_but_the_last_are_left() {
        for machine in machines() {
            let mut reached = vec![&machine.states[0]];
            let mut at = 0;
            while at < reached.len() {
                let state = reached[at];
                for row in machine.rows.iter().filter(|row| row.state == *state) {
                    if !reached.contains(&&row.next) {
                        reached.push(&row.next);
                    }
                }
                at += 1;
            }
            assert_eq!(reached.len(), machine.states.len(), "{}: {reached:?}", machine.name);
            let dead: Vec<&String> = reached.into_iter().filter(|state| machine.rows.iter().all(|row| row.state != **state)).collect();
            assert_eq!(dead, [machine.states.last().unwrap()], "{}", machine.name);
        }
    }
}
