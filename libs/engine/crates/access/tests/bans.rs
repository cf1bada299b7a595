//! Bans: what they cover, until when, and whom never.

use trunkline_access::{Ban, Change, Gateway, Tables};

const NOW_S: u64 = 1_795_000_000;

fn ban(cidr: &str, until_s: u64) -> Change {
    Change::SetBan { cidr: cidr.to_owned(), ban: Ban { until_s, reason: "scan".to_owned() } }
}

fn is_banned(tables: &Tables, source: &str, now_s: u64) -> bool {
    tables.load().ban(source.parse().unwrap(), now_s).is_some()
}

#[test]
fn a_ban_covers_its_prefix_until_its_time_and_can_be_lifted() {
    let tables = Tables::new();
    assert!(!is_banned(&tables, "192.0.2.7:5060", NOW_S));
    tables.apply(vec![ban("192.0.2.0/24", NOW_S + 60), ban("2001:db8:1::/64", NOW_S + 60)], 1).unwrap();
    for (source, is_covered) in [
        ("192.0.2.7:5060", true),
        ("192.0.3.7:5060", false),
        ("[::ffff:192.0.2.7]:9", true),
        ("[2001:db8:1::9]:9", true),
        ("[2001:db8:2::9]:9", false),
    ] {
        assert_eq!(is_banned(&tables, source, NOW_S), is_covered, "{source}");
    }
    assert!(is_banned(&tables, "192.0.2.7:5060", NOW_S + 59));
    assert!(!is_banned(&tables, "192.0.2.7:5060", NOW_S + 60));
    tables.apply(vec![Change::LiftBan { cidr: "192.0.2.0/24".to_owned() }], 2).unwrap();
    assert!(!is_banned(&tables, "192.0.2.7:5060", NOW_S));
}

#[test]
fn a_gateway_is_never_banned() {
    let tables = Tables::new();
    let address = "192.0.2.9:5060".parse().unwrap();
    let entry = Gateway { carrier: "alpha".to_owned(), address, transport: "udp".to_owned(), is_trusted: true, tls_name: String::new() };
    tables.apply(vec![ban("192.0.2.0/24", NOW_S + 60), Change::SetGateway { gateway: "alpha/eu".to_owned(), entry }], 1).unwrap();
    assert!(!is_banned(&tables, "192.0.2.9:5060", NOW_S));
    assert!(is_banned(&tables, "192.0.2.9:5061", NOW_S));
}

#[test]
fn what_is_no_prefix_is_refused_and_a_ban_set_again_is_replaced() {
    let tables = Tables::new();
    let error = tables.apply(vec![ban("192.0.2.1/24", NOW_S)], 1).unwrap_err();
    assert!(error.to_string().contains("192.0.2.1/24"), "{error}");
    tables.apply(vec![ban("192.0.2.1", NOW_S + 1), ban("192.0.2.1", NOW_S + 9)], 2).unwrap();
    assert!(is_banned(&tables, "192.0.2.1:1", NOW_S + 5));
}
