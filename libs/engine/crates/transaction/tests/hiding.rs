//! One side of a call is not shown the other's Via, Record-Route and Contact, and every request finds its way all the same (RFC 3323 §5.1,
//! requirements 1.5).

mod support;

use support::*;
use trunkline_transaction::*;

const SIBLING: &str = "127.0.1.2:5060";

/// Proxies on the customer's way to us, the nearest first, and on the carrier's.
const CUSTOMERS_ROUTES: [&str; 2] = ["<sip:10.1.1.1:5066;lr>", "<sip:10.7.7.8;lr>"];
const CARRIERS_ROUTES: [&str; 2] = ["<sip:10.9.8.2;lr>", "<sip:10.9.8.1;lr>"];

const OF_CUSTOMER: [&str; 4] = ["192.168.1.9", "10.1.1.1", "10.7.7.", "pbx"];
const OF_CARRIER: [&str; 2] = ["10.9.", "sbc"];

fn hidden() -> Target {
    Target { hides_topology: true, ..alpha() }
}

fn invite_by(routes: &[&str]) -> String {
    let routes: String = routes.iter().map(|route| format!("Record-Route: {route}\r\n")).collect();
    invite_with("call-1", "branch1", &format!("v: SIP/2.0/UDP pbx.example;branch=z9hG4bKup;received=10.7.7.7\r\n{routes}"))
}

/// As a carrier answers whose proxies, the last one first, have recorded their routes.
fn reply_by(request: &str, status: u16, contact: &str, routes: &[&str]) -> String {
    let routes: String = routes.iter().map(|route| format!("Record-Route: {route}\r\n")).collect();
    let text = reply(request, status, "callee", ALPHA).replace(&format!("<sip:callee@{ALPHA}>"), contact);
    text.replacen("Record-Route: ", &format!("{routes}Record-Route: "), 1)
}

/// What a proxy of the sender has left of its routes: ours.
fn arrived(text: String) -> String {
    text.lines().filter(|line| !line.starts_with("Route:") || line.contains(";t=")).map(|line| format!("{line}\r\n")).collect()
}

fn assert_shows_nothing(text: &str, of: &[&str]) {
    let seen: Vec<&str> = text.lines().filter(|line| of.iter().any(|trace| line.contains(trace))).collect();
    assert!(seen.is_empty(), "{seen:#?} in\n{text}");
    assert!(values(text, "Via").len() == 1 || text.starts_with("SIP/2.0"), "{text}");
}

struct Sides {
    bench: Bench,
    /// The 2xx at the customer, the INVITE at the carrier.
    ok: String,
    invite: String,
}

fn answered_by(invite_text: &str, contact: &str, carriers_routes: &[&str]) -> Sides {
    let mut bench = Bench::new();
    bench.call(invite_text, vec![hidden()]);
    let invite = bench.one_to(ALPHA).text;
    bench.take_sent();
    bench.receive(ALPHA, &reply_by(&invite, 180, contact, carriers_routes));
    bench.receive(ALPHA, &reply_by(&invite, 200, contact, carriers_routes));
    let ok = bench.sent_to(CUSTOMER).pop().unwrap().text;
    bench.receive(CUSTOMER, &arrived(from_customer("ACK", 1, &ok, "")));
    assert!(bench.sent.iter().any(|sent| sent.start().starts_with("ACK ")));
    bench.take_sent();
    Sides { bench, ok, invite }
}

const CALLEE: &str = "\"Sbc\" <sip:callee@10.9.9.1:5060;x=1>;+sip.instance=\"<urn:uuid:sbc>\"";

fn answered() -> Sides {
    answered_by(&invite_by(&CUSTOMERS_ROUTES), CALLEE, &CARRIERS_ROUTES)
}

fn sibling() -> Bench {
    Bench::with(Config { listeners: vec![Listener::udp(addr(SIBLING))], ..config() }, 77)
}

fn only_sent(bench: &mut Bench) -> String {
    let sent: Vec<Sent> = bench.take_sent().into_iter().filter(|sent| !sent.start().starts_with("SIP/2.0 100")).collect();
    assert_eq!(sent.len(), 1, "{sent:#?}");
    sent[0].text.clone()
}

#[test]
fn the_carrier_is_shown_our_via_our_record_route_and_our_contact_alone() {
    let mut bench = Bench::new();
    bench.call(&invite_by(&CUSTOMERS_ROUTES), vec![hidden()]);
    let out = bench.one_to(ALPHA).text;
    assert_shows_nothing(&out, &OF_CUSTOMER);
    assert!(value(&out, "Via").starts_with("SIP/2.0/UDP 127.0.1.1:5060;rport;branch=z9hG4bKt"), "{out}");
    assert!(values(&out, "Record-Route").len() == 1 && value(&out, "Record-Route").starts_with("<sip:127.0.1.1:5060;lr;t="), "{out}");
    let contact = value(&out, "Contact");
    let sealed = contact.strip_prefix("<sip:").and_then(|rest| rest.strip_suffix("@127.0.1.1:5060>")).unwrap();
    assert!(sealed.len() <= MAX_TOKEN_LENGTH && sealed.len() > 40, "{contact}");
}

#[test]
fn a_gateway_that_nothing_is_hidden_from_is_shown_all() {
    let mut bench = Bench::new();
    bench.call(&invite_by(&CUSTOMERS_ROUTES), vec![hidden(), beta()]);
    let first = bench.one_to(ALPHA).text;
    bench.receive(ALPHA, &reply(&first, 503, "callee", ALPHA));
    let second = bench.one_to(BETA).text;
    assert_eq!((values(&second, "Via").len() + values(&second, "v").len(), values(&second, "Record-Route").len()), (3, 3), "{second}");
    assert_eq!(value(&second, "Contact"), value(&invite(), "Contact"));
}

#[test]
fn the_customer_is_shown_its_own_vias_and_routes_and_nothing_of_the_carriers() {
    let mut bench = Bench::new();
    bench.call(&invite_by(&CUSTOMERS_ROUTES), vec![hidden()]);
    let out = bench.one_to(ALPHA).text;
    bench.take_sent();
    for status in [180, 183, 200] {
        bench.receive(ALPHA, &reply_by(&out, status, CALLEE, &CARRIERS_ROUTES));
        let text = bench.one_to(CUSTOMER).text;
        assert_shows_nothing(&text, &OF_CARRIER);
        let vias = [values(&text, "Via"), values(&text, "v")].concat();
        assert!(vias.len() == 2 && vias[0].contains("192.168.1.9:5066;rport=5066") && vias[1].contains("pbx.example"), "{text}");
        let routes = values(&text, "Record-Route");
        assert!(routes[0].starts_with("<sip:127.0.1.1:5060;lr;t=") && routes[1..] == CUSTOMERS_ROUTES, "{text}");
        assert!(value(&text, "Contact").ends_with("@127.0.1.1:5060>"), "{text}");
    }
}

#[test]
fn a_failure_shows_no_contact_and_no_route_of_the_carriers() {
    for status in [404, 485, 603] {
        let mut bench = Bench::new();
        bench.call(&invite_by(&CUSTOMERS_ROUTES), vec![hidden()]);
        let out = bench.one_to(ALPHA).text;
        bench.take_sent();
        bench.receive(ALPHA, &reply_by(&out, status, CALLEE, &CARRIERS_ROUTES));
        let text = bench.one_to(CUSTOMER).text;
        assert_shows_nothing(&text, &OF_CARRIER);
        assert!(text.starts_with(&format!("SIP/2.0 {status} ")) && values(&text, "Contact").is_empty(), "{text}");
    }
}

/// From either side, at the edge of the call and at another that has the keys alone.
#[test]
fn requests_of_the_dialog_find_what_was_hidden_from_their_sender_at_the_edge_and_at_its_sibling() {
    for is_sibling in [false, true] {
        let Sides { mut bench, ok, invite } = answered();
        if is_sibling {
            bench = sibling();
        }
        for (cseq, method) in (2..).zip(["UPDATE", "INFO", "PRACK", "ACK", "INVITE"]) {
            let said = bench.receive(CUSTOMER, &arrived(from_customer(method, cseq, &ok, "")));
            if let Disposition::Recheck { handle, .. } = said {
                bench.act(|proxy, now, out| proxy.resume(now, handle, out).unwrap());
            }
            let text = only_sent(&mut bench);
            assert!(text.starts_with(&format!("{method} sip:callee@10.9.9.1:5060;x=1 SIP/2.0\r\n")), "{text}");
            assert_eq!(values(&text, "Route"), ["<sip:10.9.8.1;lr>", "<sip:10.9.8.2;lr>"], "nearest first: {text}");
            assert_shows_nothing(&text, &OF_CUSTOMER);
            if method == "ACK" {
                continue;
            }
            let contact = if method == "INVITE" { CALLEE } else { "<sip:new@10.9.9.1>" };
            bench.receive(ALPHA, &reply_by(&text, 200, contact, &CARRIERS_ROUTES));
            let answer = only_sent(&mut bench);
            assert_shows_nothing(&answer, &OF_CARRIER);
            assert!(answer.contains("192.168.1.9:5066;rport=5066"), "its Via is back: {answer}");
        }
        for (cseq, method) in (2..).zip(["UPDATE", "INFO", "INVITE", "BYE"]) {
            bench.receive(ALPHA, &from_carrier(method, cseq, &invite, "Record-Route: <sip:10.9.8.7;lr>\r\n"));
            let text = only_sent(&mut bench);
            assert!(text.starts_with(&format!("{method} sip:31000000@192.168.1.9:5066 SIP/2.0\r\n")), "{text}");
            assert_eq!(values(&text, "Route"), CUSTOMERS_ROUTES, "{text}");
            assert_shows_nothing(&text, &OF_CARRIER);
            bench.receive(CUSTOMER, &reply(&text, 200, "caller", "192.168.1.9:5066"));
            let answer = only_sent(&mut bench);
            assert_shows_nothing(&answer, &OF_CUSTOMER);
            assert!(value(&answer, "Via").contains("10.9.9.1:5060"), "{answer}");
        }
        assert!(bench.fact_names().contains(&"Ended".to_owned()));
    }
}

#[test]
fn a_target_that_is_refreshed_is_the_one_that_the_next_request_has_at_a_sibling_too() {
    let Sides { mut bench, ok, invite } = answered();
    let moved = arrived(from_customer("INVITE", 2, &ok, "")).replace("<sip:31000000@192.168.1.9:5066>", "<sip:desk@192.168.1.9:5099>");
    bench.receive(CUSTOMER, &moved);
    let again = only_sent(&mut bench);
    assert_ne!(value(&again, "Contact"), value(&invite, "Contact"));
    bench.receive(ALPHA, &reply_by(&again, 200, "<sip:other@10.9.9.3>", &[]));
    let answer = only_sent(&mut bench);
    for mut bench in [bench, sibling()] {
        // In the dialog of the first INVITE, to the Contact of the second.
        let bye = from_carrier("BYE", 9, &invite, "");
        bench.receive(ALPHA, &bye.replace(uri(value(&invite, "Contact")), uri(value(&again, "Contact"))));
        assert!(only_sent(&mut bench).starts_with("BYE sip:desk@192.168.1.9:5099 SIP/2.0\r\n"));
    }
    let mut bench = sibling();
    bench.receive(CUSTOMER, &arrived(from_customer("BYE", 3, &ok, "")).replace(uri(value(&ok, "Contact")), uri(value(&answer, "Contact"))));
    assert!(only_sent(&mut bench).starts_with("BYE sip:other@10.9.9.3 SIP/2.0\r\n"));
}

fn uri(value: &str) -> &str {
    value.split_once('<').unwrap().1.split_once('>').unwrap().0
}

#[test]
fn what_is_too_long_for_a_token_is_in_the_row_and_a_sibling_goes_to_the_next_hop_without_it() {
    let long = format!("<sip:{}@10.9.9.1:5060>", "c".repeat(100));
    let routes: Vec<String> = (1..=9).map(|index| format!("<sip:10.9.8.{index};lr;{}>", "p".repeat(30))).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let customers = format!("<sip:10.1.1.1:5066;lr;{}>", "p".repeat(80));
    let text = invite_by(&[&customers]).replace("sip:31000000@192", &format!("sip:{}@192", "a".repeat(100)));
    let Sides { mut bench, ok, invite } = answered_by(&text, &long, &routes);
    for contact in [value(&ok, "Contact"), value(&invite, "Contact")] {
        assert_eq!(contact, "<sip:127.0.1.1:5060>");
    }
    for text in [&ok, &invite] {
        assert!(value(text, "Record-Route").split_once("t=").unwrap().1.len() <= MAX_TOKEN_LENGTH + 1);
    }
    bench.receive(CUSTOMER, &arrived(from_customer("INFO", 2, &ok, "")));
    let info = only_sent(&mut bench);
    assert!(info.starts_with(&format!("INFO sip:{}@10.9.9.1:5060 ", "c".repeat(100))), "{info}");
    assert_eq!(values(&info, "Route"), routes.iter().rev().copied().collect::<Vec<_>>());
    bench.receive(ALPHA, &from_carrier("INFO", 2, &invite, ""));
    let info = only_sent(&mut bench);
    assert!(info.starts_with(&format!("INFO sip:{}@192.168.1.9:5066 ", "a".repeat(100))), "{info}");
    assert_eq!(values(&info, "Route"), [customers.as_str()]);
    // The next hop of the customer's requests is the carrier's nearest proxy.
    let mut bench = sibling();
    bench.receive(CUSTOMER, &arrived(from_customer("BYE", 3, &ok, "")));
    let sent = bench.take_sent().pop().unwrap();
    assert!(sent.is_to("10.9.8.9:5060") && sent.start().starts_with("BYE sip:10.9.8.9:5060 "), "{sent:?}");
    bench.receive(ALPHA, &from_carrier("BYE", 3, &invite, ""));
    let sent = bench.take_sent().pop().unwrap();
    assert!(sent.start().starts_with("BYE sip:10.1.1.1:5066 ") && values(&sent.text, "Route") == [customers.as_str()], "{sent:?}");
}

/// From either side, at the edge of the call, and at another that has the keys alone.
#[test]
fn routes_that_do_not_fit_into_the_token_are_beside_it_and_a_sibling_goes_by_them() {
    let carriers: Vec<String> = (1..=4).map(|index| format!("<sip:10.9.8.{index};lr;ftag=as58f4201b;did=8a3.41{index}>")).collect();
    let carriers: Vec<&str> = carriers.iter().map(String::as_str).collect();
    let customers = ["<sip:10.1.1.1:5066;transport=udp;lr;ftag=caller-7351>", "<sip:10.7.7.8;transport=udp;lr;did=0c1.77>"];
    let Sides { bench, ok, invite } = answered_by(&invite_by(&customers), CALLEE, &carriers);
    assert_shows_nothing(&invite, &OF_CUSTOMER);
    assert_shows_nothing(&ok, &OF_CARRIER);
    for text in [&ok, &invite] {
        let route = values(text, "Record-Route")[0];
        assert!(route.contains(";lr;r=") && route.contains(";t=") && route.len() < 640, "{route}");
    }
    for mut bench in [bench, sibling()] {
        bench.receive(CUSTOMER, &arrived(from_customer("INFO", 2, &ok, "")));
        let info = bench.take_sent().pop().unwrap();
        assert!(info.start().starts_with("INFO sip:callee@10.9.9.1:5060;x=1 ") && info.is_to("10.9.8.4:5060"), "{info:?}");
        assert_eq!(values(&info.text, "Route"), carriers.iter().rev().copied().collect::<Vec<_>>());
        bench.receive(ALPHA, &from_carrier("INFO", 2, &invite, ""));
        let info = bench.take_sent().pop().unwrap().text;
        assert!(info.starts_with("INFO sip:31000000@192.168.1.9:5066 "), "{info}");
        assert_eq!(values(&info, "Route"), customers);
    }
}

/// A piece of another dialog, or one that was changed, is none: what is left is the sealed next hop.
#[test]
fn routes_beside_the_token_are_those_of_its_own_dialog_or_none() {
    let long = |host: &str| format!("<sip:{host};lr;{}>", "p".repeat(60));
    let mine = long("10.9.8.1");
    let other = invite_with("call-2", "branch2", "");
    let Sides { ok: other, .. } = answered_by(&other, CALLEE, &[&long("10.66.6.6")]);
    let piece = |text: &str| values(text, "Record-Route")[0].split_once(";r=").unwrap().1.split_once(';').unwrap().0.to_owned();
    let Sides { ok, .. } = answered_by(&invite(), CALLEE, &[&mine]);
    let info = from_customer("INFO", 2, &ok, "");
    let own = piece(&ok);
    let (middle, letter) = (own.len() / 2, if own.as_bytes()[own.len() / 2] == b'A' { "B" } else { "A" });
    let changed = [&own[..middle], letter, &own[middle + 1..]].concat();
    for (forged, expected) in [(own.as_str(), vec![mine.as_str()]), (&piece(&other), vec![]), (&changed, vec![]), ("x", vec![])] {
        let mut bench = sibling();
        bench.receive(CUSTOMER, &info.replace(&own, forged));
        let sent = bench.take_sent().pop().unwrap();
        assert!(sent.is_to("10.9.8.1:5060"), "{sent:?}");
        assert_eq!(values(&sent.text, "Route"), expected);
    }
}

#[test]
fn a_hidden_strict_router_gets_the_request_uri_and_the_target_goes_last() {
    let Sides { mut bench, ok, .. } = answered_by(&invite(), CALLEE, &["<sip:10.9.8.2;lr>", "<sip:10.9.8.1>"]);
    bench.receive(CUSTOMER, &from_customer("INFO", 2, &ok, ""));
    let info = only_sent(&mut bench);
    assert!(info.starts_with("INFO sip:10.9.8.1 SIP/2.0\r\n"), "{info}");
    assert_eq!(values(&info, "Route"), ["<sip:10.9.8.2;lr>", "<sip:callee@10.9.9.1:5060;x=1>"]);
}

/// Whoever has a call of its own cannot have requests sent where another call's Contact says, nor anywhere else.
#[test]
fn a_request_uri_leads_nowhere_but_to_the_contact_of_its_own_dialog() {
    let Sides { ok: other, .. } = answered_by(&invite_with("call-2", "branch2", ""), "<sip:victim@10.66.6.6>", &[]);
    for request_uri in [uri(value(&other, "Contact")), "sip:victim@10.66.6.6", "sip:x@127.0.1.1:5060", "tel:+31"] {
        let Sides { mut bench, ok, .. } = answered();
        let info = arrived(from_customer("INFO", 2, &ok, ""));
        let forged = info.replacen(uri(value(&ok, "Contact")), request_uri, 1);
        bench.receive(CUSTOMER, &forged);
        let sent = bench.take_sent().pop().unwrap();
        assert!(sent.is_to("10.9.8.1:5060") && sent.start().starts_with("INFO sip:callee@10.9.9.1:5060;x=1 "), "{sent:?}");
    }
}

#[test]
fn our_own_bye_goes_where_each_side_is_and_shows_neither_the_other() {
    let Sides { mut bench, .. } = answered();
    bench.act(|proxy, now, out| proxy.hang_up(now, CALL, &refusal(480, "T601", "Ended By Command"), out).unwrap());
    let sent = bench.take_sent();
    let to_carrier = &sent.iter().find(|sent| sent.start().starts_with("BYE sip:callee@10.9.9.1:5060;x=1 ")).unwrap().text;
    let to_customer = &sent.iter().find(|sent| sent.start().starts_with("BYE sip:31000000@192.168.1.9:5066 ")).unwrap().text;
    assert_shows_nothing(to_carrier, &OF_CUSTOMER);
    assert_shows_nothing(to_customer, &OF_CARRIER);
    assert_eq!(values(to_carrier, "Route"), ["<sip:10.9.8.1;lr>", "<sip:10.9.8.2;lr>"]);
    assert_eq!(values(to_customer, "Route"), CUSTOMERS_ROUTES);
}

#[test]
fn an_anonymous_call_that_is_hidden_shows_neither_who_nor_where_even_at_a_sibling() {
    let anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned();
    let mut bench = Bench::new();
    bench.call(&invite_by(&CUSTOMERS_ROUTES), vec![Target { from_name_addr: anonymous, ..hidden() }]);
    let invite = bench.one_to(ALPHA).text;
    bench.take_sent();
    bench.receive(ALPHA, &reply_by(&invite, 200, CALLEE, &CARRIERS_ROUTES));
    for mut bench in [bench, sibling()] {
        bench.take_sent();
        bench.receive(ALPHA, &from_carrier("INFO", 2, &invite, ""));
        let text = only_sent(&mut bench);
        assert_shows_nothing(&text, &OF_CARRIER);
        assert!(value(&text, "From").starts_with("<sip:+31201234567@acme.sip.trunkline.test>;tag="), "{text}");
        bench.receive(CUSTOMER, &reply(&text, 200, "caller", "192.168.1.9:5066"));
        let answer = only_sent(&mut bench);
        assert_shows_nothing(&answer, &["192.168", "10.1.1", "10.7.7", "31000000"]);
        assert!(value(&answer, "From").starts_with("<sip:+31201234567@10.9.9.1>"), "as the carrier wrote it: {answer}");
    }
}

#[test]
fn a_contact_of_ours_says_how_we_are_reached_there() {
    let tcp = Listener { address: addr("127.0.1.1:5062"), transport: Transport::Tcp };
    let mut bench = Bench::with(Config { listeners: vec![Listener::udp(addr(OURS)), tcp], ..config() }, 1);
    let handle = bench.admit(CUSTOMER, &invite());
    let mut steps = plan(vec![Target { transport: Transport::Tcp, ..hidden() }]);
    steps.steps[0].listener = 1;
    bench.act(|proxy, now, out| proxy.route(now, handle, steps, out).unwrap());
    let out = bench.one_to(ALPHA).text;
    assert!(value(&out, "Contact").ends_with("@127.0.1.1:5062;transport=tcp>"), "{out}");
    bench.receive_at(1, ALPHA, &reply(&out, 200, "callee", ALPHA));
    let ok = bench.sent_to(CUSTOMER).pop().unwrap().text;
    assert!(value(&ok, "Contact").ends_with("@127.0.1.1:5060>"), "{ok}");
}
