//! The tables of the machines for `tools/docs.py`: a line a machine (`machine`, name, source, first state) and a line a row (`row`, state,
//! event, next state, effects), then a line a timer (`timer`, name, how it runs over unreliable and over reliable transports), fields
//! separated by tabs.

fn main() {
    for machine in trunkline_transaction::machines() {
        println!("machine\t{}\t{}\t{}", machine.name, machine.source, machine.states[0]);
        for row in machine.rows {
            println!("row\t{}\t{}\t{}\t{}", row.state, row.event, row.next, row.effects.join(", "));
        }
    }
    for timer in trunkline_transaction::timers() {
        println!("timer\t{}\t{}\t{}", timer.name, timer.unreliable, timer.reliable);
    }
}
