//! Whatever stands in a display name, a user part, a User-Agent, a Server or a reason phrase, of either side and in any message of a call:
//! what the other side is sent has the lines that it should have and no other (RFC 3261 §7.3, §25.1).

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::*;
use trunkline_message::{write_malformed_response, HeaderTable, Message, ResponseSpec};
use trunkline_transaction::*;

const ASSERTED: &str = "\"acme\" <sip:+31207654321@acme.sip.trunkline.test;user=phone>";
const SPEC: ResponseSpec<'static> =
    ResponseSpec { status: 400, reason_phrase: "", source: None, to_tag: Some(b"t"), has_record_route: true, lines: b"" };

/// Names that a message of this call may have, and how often at most.
const NAMES: [(&str, usize); 17] = [
    ("via", 2),
    ("max-forwards", 1),
    ("from", 1),
    ("to", 1),
    ("call-id", 1),
    ("cseq", 1),
    ("contact", 1),
    ("record-route", 1),
    ("route", 0),
    ("user-agent", 1),
    ("server", 1),
    ("p-asserted-identity", 1),
    ("privacy", 1),
    ("reason", 1),
    ("content-type", 1),
    ("content-length", 1),
    ("max-breadth", 1),
];

/// Pieces that end a line, a string or an address somewhere, and some that look as if they began a header.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "\r", "\n", "\r\n", "\n\r", "\r\n ", "\r\n\t", "\0", "\"", "\\", "\\\"", "<", ">", ";", ",", ":", "@", "=", " ", "\t", "?", "&",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        2 => prop::sample::select(vec![
            "X-Injected: 1", "\r\nX-Injected: 1", "\r\n\r\nBYE sip:a@b SIP/2.0", ";tag=x", ";lr", "%0d%0aX-Injected:%201", "Contact: <sip:x@y>",
            "P-Asserted-Identity: <tel:+1>", "sip:x@y", "\u{fc}", "\u{2028}", "\u{85}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        2 => "[a-z0-9]{1,6}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 1..3),
    ];
    vec(piece, 0..6).prop_map(|pieces| within_a_line(&pieces.concat()))
}

/// Without a CR that would end the line: what a peer writes on a line of its own is a header of its own, and no trick. Folds stay.
fn within_a_line(word: &[u8]) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::new();
    for (at, byte) in word.iter().enumerate() {
        let is_folded = matches!(word.get(at + 1), Some(b' ' | b'\t'));
        if *byte == b'\n' && !is_folded {
            while kept.last() == Some(&b'\r') {
                kept.pop();
            }
        }
        kept.push(*byte);
    }
    kept
}

/// What a peer chooses: a display name that it may have quoted, a user part, a product, a reason phrase.
#[derive(Clone, Debug)]
struct Words {
    name: Vec<u8>,
    user: Vec<u8>,
    product: Vec<u8>,
}

fn words() -> impl Strategy<Value = Words> {
    let plain = || "[a-z]{1,8}".prop_map(String::into_bytes);
    let some = |nasty: BoxedStrategy<Vec<u8>>| prop_oneof![2 => plain(), 1 => nasty];
    let quoted = nasty().prop_map(|name| [b"\"", name.as_slice(), b"\""].concat());
    (some(prop_oneof![nasty(), quoted].boxed()), some(nasty().boxed()), some(nasty().boxed())).prop_map(|(name, user, product)| Words {
        name,
        user,
        product,
    })
}

/// `{name}`, `{user}` and `{product}` of a template.
fn filled(template: &str, words: &Words) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (what, after) = after.split_once('}').unwrap();
        bytes.extend_from_slice(before.as_bytes());
        bytes.extend_from_slice(match what {
            "name" => &words.name,
            "user" => &words.user,
            _ => &words.product,
        });
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The lines of the header, each with its folds.
fn check_lines(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a header ends");
    let head = &bytes[..end + 2];
    assert!(!head.contains(&0), "NUL in {text:?}");
    for (at, byte) in head.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(head.get(at + 1), Some(&b'\n'), "bare CR in {text:?}"),
            b'\n' => assert!(at > 0 && head[at - 1] == b'\r', "bare LF in {text:?}"),
            _ => {}
        }
    }
    let lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && !matches!(line[0], b' ' | b'\t')).collect();
    let mut counts = [0; NAMES.len()];
    for line in &lines[1..] {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let at = NAMES.iter().position(|(known, _)| known.as_bytes() == name);
        counts[at.unwrap_or_else(|| panic!("{:?} in {text:?}", String::from_utf8_lossy(&name)))] += 1;
    }
    for ((name, most), count) in NAMES.iter().zip(counts) {
        assert!(count <= *most, "{count} of {name} in {text:?}");
    }
}

/// The same, and that it is one whole message.
fn check(bytes: &[u8]) {
    check_lines(bytes);
    let mut table = HeaderTable::new();
    let message = Message::parse(bytes, &mut table).unwrap_or_else(|error| panic!("{error:?} in {:?}", String::from_utf8_lossy(bytes)));
    assert_eq!(message.bytes().len(), bytes.len());
}

struct Engine {
    proxy: Proxy,
    out: Vec<Action>,
}

impl Engine {
    fn new() -> Self {
        let mut proxy = Proxy::new(config(), [1; 32]);
        proxy.set_token_keys(&[token_key()]);
        Self { proxy, out: Vec::new() }
    }

    /// `None` where the parser refuses it, which is answered or dropped by the shell.
    fn receive(&mut self, from: &str, bytes: &[u8], target: Option<Target>) -> Option<Disposition> {
        let mut table = HeaderTable::new();
        let message = match Message::parse(bytes, &mut table) {
            Ok(message) => message,
            Err(error) => {
                let mut answer = Vec::new();
                if write_malformed_response(bytes, &table, &error, &SPEC, &mut answer) {
                    // It repeats lines that nobody could read, and they are all that it has.
                    check_lines(&answer);
                }
                return None;
            }
        };
        let (now, flow) = (Now { ms: 0, unix_ns: START_NS }, Flow { listener: 0, peer: addr(from) });
        let disposition = self.proxy.on_message(now, flow, &message, &mut self.out);
        if let (Disposition::NewInvite, Some(target)) = (&disposition, target) {
            let call = self.proxy.admit(now, flow, &message, admission(CALL), &mut self.out).ok()?;
            self.proxy.route(now, call, plan(vec![target]), &mut self.out).unwrap();
        }
        Some(disposition)
    }

    /// What went to this address, looked at.
    fn sent_to(&mut self, address: &str) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for action in std::mem::take(&mut self.out) {
            let Action::Send { flow, bytes } = action else { continue };
            check(&bytes);
            if flow.peer == addr(address) {
                found.push(bytes);
            }
        }
        found
    }
}

fn header(bytes: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n ", " ").replace("\r\n\t", " ");
    value(&text, name).to_owned()
}

/// Carriers that are shown different things of a caller.
fn targets() -> impl Strategy<Value = Target> {
    let shown = Target { asserted: vec![ASSERTED.to_owned()], ..alpha() };
    let anonymous = Target { from_name_addr: "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned(), is_trusted: false, ..alpha() };
    prop::sample::select(vec![
        shown.clone(),
        anonymous.clone(),
        Target { hides_topology: true, ..shown },
        Target { hides_topology: true, ..anonymous },
    ])
}

const INVITE: &str = "INVITE sip:+31201234567@acme.sip.trunkline.test SIP/2.0\r\n\
     Via: SIP/2.0/UDP 192.168.1.9:5066;rport;branch=z9hG4bKb1\r\nMax-Forwards: 69\r\n\
     From: {name} <sip:{user}@acme.sip.trunkline.test>;tag=caller\r\nTo: <sip:+31201234567@acme.sip.trunkline.test>\r\n\
     Call-ID: call-1\r\nCSeq: 1 INVITE\r\nContact: {name} <sip:{user}@192.168.1.9:5066>\r\nUser-Agent: {product}\r\nContent-Length: 0\r\n\r\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_writes_a_line_into_what_the_other_side_is_sent(
        target in targets(),
        caller in words(),
        answers in vec((prop::sample::select(vec![183, 200, 486]), words()), 1..3),
        later in words(),
        is_callers in any::<bool>(),
    ) {
        let mut engine = Engine::new();
        engine.receive(CUSTOMER, &filled(INVITE, &caller), Some(target));
        let Some(invite) = engine.sent_to(ALPHA).pop() else { return Ok(()) };
        let known = |name: &str| header(&invite, name);
        let mut ok = None;
        for (status, words) in answers {
            let text = format!(
                "SIP/2.0 {status} {{product}}\r\nVia: {}\r\nRecord-Route: {}\r\nFrom: {}\r\nTo: {};tag=callee\r\nCall-ID: call-1\r\n\
                 CSeq: 1 INVITE\r\nContact: {{name}} <sip:{{user}}@10.9.9.1>\r\nServer: {{product}}\r\n\
                 P-Asserted-Identity: {{name}} <sip:{{user}}@carrier.example>\r\nContent-Length: 0\r\n\r\n",
                known("Via"), known("Record-Route"), known("From"), known("To"),
            );
            engine.receive(ALPHA, &filled(&text, &words), None);
            ok = engine.sent_to(CUSTOMER).into_iter().rfind(|sent| sent.starts_with(b"SIP/2.0 200")).or(ok);
        }
        let Some(ok) = ok else { return Ok(()) };
        // Tags are the peer's own; what it says of itself beside them may change in the dialog.
        let known = |name: &str| if is_callers { header(&ok, name) } else { header(&invite, name) };
        let (from, to, peer, other) = match is_callers {
            true => ("caller", "callee", CUSTOMER, ALPHA),
            false => ("callee", "caller", ALPHA, CUSTOMER),
        };
        for method in ["INFO", "UPDATE", "BYE"] {
            let text = format!(
                "{method} sip:x@10.9.9.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.1:5060;branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\nRoute: {}\r\n\
                 From: {{name}} <sip:{{user}}@here>;tag={from}\r\nTo: <sip:x@there>;tag={to}\r\nCall-ID: call-1\r\nCSeq: 9 {method}\r\n\
                 Contact: {{name}} <sip:{{user}}@10.9.9.1>\r\nUser-Agent: {{product}}\r\nReason: Q.850;cause=16;text=\"{{product}}\"\r\n\
                 Content-Length: 0\r\n\r\n",
                known("Record-Route"),
            );
            engine.receive(peer, &filled(&text, &later), None);
            for sent in engine.sent_to(other) {
                prop_assert!(sent.starts_with(method.as_bytes()));
            }
        }
    }
}
