//! Which carrier a source belongs to.

use trunkline_access::{Change, Gateway, Tables};

fn set(gateway: &str, carrier: &str, address: &str) -> Change {
    let address = address.parse().unwrap();
    let entry = Gateway { carrier: carrier.to_owned(), address, transport: "udp".to_owned(), is_trusted: true, tls_name: String::new() };
    Change::SetGateway { gateway: gateway.to_owned(), entry }
}

#[test]
fn a_carrier_is_known_at_the_address_of_each_of_its_gateways_whatever_the_port_and_nowhere_else() {
    let tables = Tables::new();
    let gateways = [
        set("alpha/1", "alpha", "192.0.2.1:5060"),
        set("alpha/2", "alpha", "192.0.2.2:5070"),
        set("alpha/3", "alpha", "[2001:db8::3]:5060"),
        set("beta/1", "beta", "192.0.2.9:5060"),
        set("beta/2", "beta", "192.0.2.2:5060"),
    ];
    tables.apply(gateways.to_vec(), 1).unwrap();
    let is_of =
        |source: &str, carrier: &str, known: &str| tables.load().is_of_carrier(source.parse().unwrap(), carrier, known.parse().unwrap());
    for source in ["192.0.2.1", "192.0.2.2", "2001:db8::3", "::ffff:192.0.2.2"] {
        assert!(is_of(source, "alpha", "203.0.113.1"), "{source}");
        assert!(is_of(source, "", "192.0.2.1"), "{source}");
        assert!(!is_of(source, "gamma", "192.0.2.1"), "{source}");
    }
    assert!(!is_of("192.0.2.9", "alpha", "192.0.2.1") && !is_of("192.0.2.9", "", "192.0.2.1"));
    assert!(!is_of("192.0.2.3", "alpha", "192.0.2.1") && !is_of("192.0.2.3", "", "192.0.2.1"));
    // A gateway that has moved is no longer where it was, and one that is gone is nowhere.
    tables.apply(vec![set("alpha/2", "alpha", "192.0.2.4:5060"), Change::RemoveGateway { gateway: "alpha/1".to_owned() }], 2).unwrap();
    assert!(is_of("192.0.2.4", "alpha", "192.0.2.4") && is_of("192.0.2.2", "beta", "192.0.2.2"));
    assert!(!is_of("192.0.2.2", "alpha", "192.0.2.4") && !is_of("192.0.2.1", "alpha", "192.0.2.4"));
}
