//! Which sources are no strangers because an ACL lists them.

use trunkline_access::{Capture, Change, Domain, Tables};
use trunkline_message::Algorithm;

fn set(acl: &str, cidr: &str) -> Change {
    Change::SetAddress { acl: acl.to_owned(), cidr: cidr.to_owned(), caller_id: String::new() }
}

fn remove(acl: &str, cidr: &str) -> Change {
    Change::RemoveAddress { acl: acl.to_owned(), cidr: cidr.to_owned() }
}

fn is_listed(tables: &Tables, source: &str) -> bool {
    tables.load().is_listed(source.parse().unwrap())
}

#[test]
fn an_address_is_listed_as_long_as_one_acl_lists_it() {
    let tables = Tables::new();
    assert!(!is_listed(&tables, "192.0.2.7:5060"));
    // Set twice in one ACL it stands there once.
    tables.apply(vec![set("a/IN", "192.0.2.0/24"), set("a/IN", "192.0.2.0/24"), set("b/IN", "192.0.2.0/24")], 1).unwrap();
    assert!(is_listed(&tables, "192.0.2.7:5060") && is_listed(&tables, "[::ffff:192.0.2.7]:9") && !is_listed(&tables, "192.0.3.7:5060"));
    tables.apply(vec![remove("a/IN", "192.0.2.0/24"), remove("a/IN", "192.0.2.0/24")], 2).unwrap();
    assert!(is_listed(&tables, "192.0.2.7:5060"));
    tables.apply(vec![Change::RemoveAcl { acl: "b/IN".to_owned() }], 3).unwrap();
    assert!(!is_listed(&tables, "192.0.2.7:5060"));
}

#[test]
fn whoever_lists_the_internet_makes_nobody_known() {
    let tables = Tables::new();
    tables.apply(vec![set("a/IN", "0.0.0.0/0"), set("a/IN", "::/0"), set("a/IN", "10.0.0.0/8")], 1).unwrap();
    assert!(!is_listed(&tables, "10.1.2.3:5060") && !is_listed(&tables, "[2001:db8::1]:5060"));
    tables.apply(vec![set("a/IN", "10.1.0.0/16"), set("a/IN", "2001:db8::/32")], 2).unwrap();
    assert!(is_listed(&tables, "10.1.2.3:5060") && is_listed(&tables, "[2001:db8::1]:5060"));
}

#[test]
fn a_domain_lists_what_its_own_acls_list() {
    let domain = |acls: &[&str]| Domain {
        tenant: "acme".to_owned(),
        label: "acme".to_owned(),
        acls: acls.iter().map(|acl| (*acl).into()).collect(),
        algorithms: vec![Algorithm::Md5],
        challenge_status: 407,
        is_qop_optional: false,
        capture: Capture::default(),
    };
    let tables = Tables::new();
    tables.apply(vec![set("a/IN", "192.0.2.0/24"), set("a/WIDE", "10.0.0.0/8"), set("b/IN", "198.51.100.7/32")], 1).unwrap();
    let tables = tables.load();
    let lists = |acls: &[&str], source: &str| tables.is_listed_by(&domain(acls), source.parse().unwrap());
    assert!(lists(&["a/GONE", "a/IN"], "192.0.2.7") && lists(&["a/IN"], "::ffff:192.0.2.7"));
    assert!(!lists(&["a/IN"], "198.51.100.7"), "another's list");
    assert!(!lists(&["a/WIDE"], "10.1.2.3"), "too wide to know anybody by");
}

#[test]
fn a_wide_range_that_is_exempt_lists_its_addresses_as_long_as_it_stands_there() {
    let exempt = |acl: &str, cidr: &str| Change::ExemptAddress { acl: acl.to_owned(), cidr: cidr.to_owned() };
    let domain = Domain {
        tenant: "acme".to_owned(),
        label: "acme".to_owned(),
        acls: vec!["a/WIDE".into()],
        algorithms: vec![Algorithm::Md5],
        challenge_status: 407,
        is_qop_optional: false,
        capture: Capture::default(),
    };
    let tables = Tables::new();
    let lists = |source: &str| {
        let tables = tables.load();
        let by_domain = tables.is_listed_by(&domain, source.parse().unwrap());
        assert_eq!(by_domain, tables.is_listed(format!("{source}:5060").parse().unwrap()));
        by_domain
    };
    tables.apply(vec![exempt("a/WIDE", "10.0.0.0/8"), set("a/WIDE", "10.0.0.0/8"), set("a/WIDE", "10.0.0.0/12")], 1).unwrap();
    assert!(!lists("10.1.2.3"), "what does not stand there is not exempt");
    tables.apply(vec![exempt("a/WIDE", "10.0.0.0/8"), exempt("a/WIDE", "10.0.0.0/8")], 2).unwrap();
    assert!(lists("10.1.2.3") && lists("10.200.2.3") && !lists("11.1.2.3"), "also where a narrower range is not exempt");
    tables.apply(vec![remove("a/WIDE", "10.0.0.0/8"), set("a/WIDE", "10.0.0.0/8")], 3).unwrap();
    assert!(!lists("10.1.2.3"));
    tables.apply(vec![exempt("a/WIDE", "10.0.0.0/12"), Change::RemoveAcl { acl: "a/WIDE".to_owned() }], 4).unwrap();
    assert!(!lists("10.1.2.3"));
}
