//! A proxy with a listener of each transport, and calls between them.

use std::sync::Arc;

use trunkline_transaction::{
    Config, Disposition, FactKind, FailureCause, Flow, Gone, Listener, Prepared, RoutePlan, Step, Target, Transport,
};

use super::{addr, admission, alpha, config, from_customer, invite, plan, reply, Bench, Sent, ALPHA, CALL, CUSTOMER, OURS};

pub const UDP: u16 = 0;
pub const TCP: u16 = 1;
pub const TLS: u16 = 2;

pub fn bench() -> Bench {
    Bench::with(Config { listeners: listeners(), ..config() }, 1)
}

pub fn listeners() -> Vec<Listener> {
    let at = |transport, address: &str| Listener { transport, address: addr(address) };
    vec![at(Transport::Udp, OURS), at(Transport::Tcp, OURS), at(Transport::Tls, "127.0.1.1:5061")]
}

/// How our address stands in Via and in Record-Route of one side.
pub fn shown(listener: u16) -> (&'static str, &'static str) {
    match listener {
        UDP => ("SIP/2.0/UDP 127.0.1.1:5060;", "<sip:127.0.1.1:5060;lr;t="),
        TCP => ("SIP/2.0/TCP 127.0.1.1:5060;", "<sip:127.0.1.1:5060;transport=tcp;lr;t="),
        _ => ("SIP/2.0/TLS 127.0.1.1:5061;", "<sip:127.0.1.1:5061;transport=tls;lr;t="),
    }
}

pub fn contact(peer: &str, listener: u16) -> String {
    match listener {
        UDP => peer.to_owned(),
        TCP => format!("{peer};transport=tcp"),
        _ => format!("{peer};transport=TLS"),
    }
}

pub fn step_over(target: Target, listener: u16, large_listener: Option<u16>) -> Step {
    Step { listener, large_listener, request_user: String::new(), target: Arc::new(Prepared::new(target)) }
}

pub fn set_up(bench: &mut Bench, text: &str, customer: u16, steps: Vec<Step>) {
    let flow = Flow { listener: customer, peer: addr(CUSTOMER) };
    assert_eq!(bench.receive_at(customer, CUSTOMER, text), Disposition::NewInvite);
    let mut table = trunkline_message::HeaderTable::new();
    let message = trunkline_message::Message::parse(text.as_bytes(), &mut table).unwrap();
    bench.act(|proxy, now, out| {
        let call = proxy.admit(now, flow, &message, admission(CALL), out).unwrap();
        proxy.route(now, call, RoutePlan { steps, ..plan(Vec::new()) }, out).unwrap();
    });
    assert_eq!(bench.one_to(CUSTOMER).start(), "SIP/2.0 100 Trying");
}

/// A call with an answer: the 200 at the customer and the INVITE at the gateway.
pub fn answered(bench: &mut Bench, customer: u16, carrier: u16) -> (Sent, Sent) {
    set_up(bench, &invite(), customer, vec![step_over(alpha(), carrier, None)]);
    let invite = bench.one_to(ALPHA);
    bench.receive_at(carrier, ALPHA, &reply(&invite.text, 200, "callee", &contact(ALPHA, carrier)));
    let ok = bench.one_to(CUSTOMER);
    assert_eq!(bench.receive_at(customer, CUSTOMER, &from_customer("ACK", 1, &ok.text, "")), Disposition::Done);
    assert_eq!(bench.one_to(ALPHA).listener, carrier);
    (ok, invite)
}

pub fn close(bench: &mut Bench, listener: u16, peer: &str) {
    close_as(bench, Gone::Unmade, listener, peer);
}

pub fn close_as(bench: &mut Bench, gone: Gone, listener: u16, peer: &str) {
    bench.act(|proxy, now, out| proxy.on_closed(now, Flow { listener, peer: addr(peer) }, gone, out));
}

pub fn cause(bench: &Bench) -> Vec<FailureCause> {
    let causes = bench.facts.iter().filter_map(|fact| match fact.kind {
        FactKind::GatewayFailed { cause, .. } => Some(cause),
        _ => None,
    });
    causes.collect()
}
