//! The tables of the machines for `tools/docs.py`: a line a machine (`machine`, name, source, first state) and a line a row (`row`, state,
//! event, next state, effects), fields separated by tabs.

fn main() {
    for machine in trunkline_transaction::machines() {
        println!("machine\t{}\t{}\t{}", machine.name, machine.source, machine.states[0]);
        for row in machine.rows {
            println!("row\t{}\t{}\t{}\t{}", row.state, row.event, row.next, row.effects.join(", "));
        }
    }
}
