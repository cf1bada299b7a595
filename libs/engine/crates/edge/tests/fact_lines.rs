//! Lines are JSON whatever stood in the message.

use trunkline_edge::fact_lines::{Attempted, Counted, FactLines};
use trunkline_transaction::{CallId, EndedBy, Fact, FactKind, Refusal};

fn line(write: impl FnOnce(&mut FactLines, &mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut FactLines::new("00ab", 0), &mut out);
    String::from_utf8(out).expect("a line is UTF-8")
}

#[test]
fn a_fact_carries_its_call_its_id_and_what_is_not_empty() {
    let fact = Fact { call: CallId(0xabc), time_ns: 7, kind: FactKind::Ended { by: EndedBy::Caller, q850: 16, answered_ns: 0 } };
    assert_eq!(
        line(|lines, out| lines.fact(out, &fact)),
        "{\"call\":\"00000000000000000000000000000abc\",\"id\":\"00ab-0\",\"time_ns\":7,\"ended\":{\"by\":\"caller\",\"q850\":16}}\n"
    );
}

#[test]
fn hostile_text_is_escaped_and_broken_utf8_is_replaced() {
    let attempted = Attempted { user_agent: b"a\"\\\r\n\x01\xff\xc3\xa9", ..Attempted::default() };
    assert!(line(|lines, out| lines.attempted(out, CallId(1), 1, &attempted))
        .contains("\"user_agent\":\"a\\\"\\\\\\u000d\\u000a\\u0001\u{fffd}\u{e9}\""));
}

#[test]
fn facts_of_a_run_are_numbered() {
    let counted = Counted { source: "127.0.0.1", what: "challenge", number: 2, minute_ns: 60, domain: "", tenant: "", proved: 0 };
    let text = line(|lines, out| {
        lines.counted(out, 1, &counted);
        lines.refused(out, CallId(1), 2, &Refusal::default());
    });
    let ids: Vec<&str> = text.match_indices("\"id\":\"").map(|(at, _)| &text[at + 6..at + 12]).collect();
    assert_eq!(ids, ["00ab-0", "00ab-1"]);
    assert!(!text.lines().next().expect("a line").contains("\"call\""));
}
