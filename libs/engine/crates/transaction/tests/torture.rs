//! The messages of RFC 4475 and RFC 5118 at the core: those that are calls go on, changed where a proxy changes them and nowhere else, and
//! the others get the answer that their section asks for.

mod support;

use std::path::Path;

use support::*;
use trunkline_message::{HeaderName, HeaderTable, Message, OwnedMessage};
use trunkline_transaction::*;

fn read(rfc: &str, name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../message/tests").join(rfc).join(format!("{name}.sip"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn flow() -> Flow {
    Flow { listener: 0, peer: addr(CUSTOMER) }
}

fn said(rfc: &str, name: &str) -> Disposition {
    let message = OwnedMessage::parse(&read(rfc, name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut bench = Bench::new();
    let mut disposition = Disposition::Done;
    bench.act(|proxy, now, out| disposition = proxy.on_message(now, flow(), &message.view(), out));
    assert!(bench.sent.is_empty() && bench.proxy.entry_count() == 0, "{name}");
    disposition
}

fn refused(status: u16, code: &'static str) -> Disposition {
    Disposition::Refuse { status, code, unsupported: String::new() }
}

/// Every INVITE among them that is outside a dialog and has no Route of somebody's.
const CALLS: [(&str, &str); 7] = [
    ("rfc4475", "3.1.1.3_esc01"),
    ("rfc4475", "3.1.2.12_baddate"),
    ("rfc4475", "3.3.6_invut"),
    ("rfc4475", "3.3.15_sdp01"),
    ("rfc5118", "4.6_ipv6-in-sdp"),
    ("rfc5118", "4.8_mult-ip-in-sdp"),
    ("rfc5118", "4.9_ipv4-mapped-ipv6"),
];

/// Fields that a proxy or a trunk's edge changes, adds or takes away.
fn is_ours(name: HeaderName) -> bool {
    matches!(name, HeaderName::Via | HeaderName::MaxForwards | HeaderName::MaxBreadth | HeaderName::RecordRoute)
}

fn untouched<'a>(message: &Message<'a>) -> Vec<&'a [u8]> {
    message.headers().iter().filter(|header| !is_ours(header.name)).map(|header| header.line.of(message.bytes())).collect()
}

#[test]
fn calls_go_on_with_every_other_field_and_the_body_byte_for_byte() {
    for (rfc, name) in CALLS {
        let bytes = read(rfc, name);
        let came = OwnedMessage::parse(&bytes).unwrap();
        let mut bench = Bench::new();
        let mut forwarded = Vec::new();
        let mut out = Vec::new();
        let now = bench.now();
        assert_eq!(bench.proxy.on_message(now, flow(), &came.view(), &mut out), Disposition::NewInvite, "{name}");
        let handle = bench.proxy.admit(now, flow(), &came.view(), admission(CALL), &mut out).unwrap();
        bench.proxy.route(now, handle, plan(vec![alpha()]), &mut out).unwrap();
        for action in out {
            if let Action::Send { flow, bytes } = action {
                if flow.peer == addr(ALPHA) {
                    forwarded.push(bytes);
                }
            }
        }
        let mut table = HeaderTable::new();
        let goes = Message::parse(&forwarded[0], &mut table).unwrap();
        assert_eq!(untouched(&goes), untouched(&came.view()), "{name}");
        assert_eq!(goes.body(), came.view().body(), "{name}");
        assert_eq!(goes.via_count(), came.view().via_count() + 1, "{name}");
    }
}

#[test]
fn what_no_proxy_may_send_on_is_refused_as_its_section_says() {
    // §3.3.2, §3.3.3: a proxy answers 416.
    assert_eq!(said("rfc4475", "3.3.2_unkscm"), refused(416, "T107"));
    assert_eq!(said("rfc4475", "3.3.3_novelsc"), refused(416, "T107"));
    // §3.3.5: with the tags of Proxy-Require, which a proxy must know, and not those of Require, which it need not.
    let unsupported = "noProxiesSupportThis, norDoAnyProxiesSupportThis".to_owned();
    assert_eq!(said("rfc4475", "3.3.5_bext01"), Disposition::Refuse { status: 420, code: "T106", unsupported });
    // §3.3.11: an OPTIONS whose hops end here is answered here.
    assert!(matches!(said("rfc4475", "3.3.11_zeromf"), Disposition::OutOfDialog(_)));
}

#[test]
fn two_requests_whose_branch_is_nothing_but_the_cookie_are_two_transactions() {
    let one = String::from_utf8(read("rfc4475", "3.2.1_badbranch")).unwrap().replace("OPTIONS", "INVITE");
    let other = one.replace("Call-ID: ", "Call-ID: other");
    let mut bench = Bench::new();
    bench.admit(CUSTOMER, &one);
    bench.admit_as(CUSTOMER, &other, CallId(2));
    assert_eq!(bench.receive(CUSTOMER, &one), Disposition::Done, "the same again is a retransmission");
}

#[test]
fn a_response_that_belongs_to_nothing_of_ours_is_dropped() {
    // §3.1.2.5 and §3.1.2.19 do not parse; these do.
    for name in ["3.1.1.13_noreason", "3.3.10_bcast"] {
        assert_eq!(said("rfc4475", name), Disposition::Done, "{name}");
    }
}
