"""A tenant as a file: what is read, what is planned, and that nothing is planned twice."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.cli.applying import normal
from trunkline.cli.applying import planning as do
from trunkline.cli.applying.document import DocumentProblem
from trunkline.cli.applying.exporting import document_of
from trunkline.cli.applying.model import Account, Acl, Address, ClassOfService, Digest, Domain, Identity, Limits, Tenant
from trunkline.cli.applying.planning import PlanProblem, left_alone, plan
from trunkline.cli.applying.reading import read_tenant
from trunkline.cli.output import yaml_of

FILE = """
tenant: acme
acls:
  OFFICE:
    addresses:
      - {cidr: 192.0.2.0/24, caller_id: "+31201234567", description: office}
      - cidr: 2001:DB8::/32
    accounts:
      - username: 0031000000
        password_from: ACME_PASSWORD
domains:
  ACME:
    acls: [OFFICE]
    digest: {algorithms: [SHA-256, MD5], challenge_status: 401, qop_optional: yes}
    class_of_service: {countries: [nl, be], prefixes: ["+4420"], premium: false, max_price: 0.50, currency: eur}
    limits: {calls: 10}
    nearest_pop: us1
"""

EVERYTHING = Domain("acme", (), Digest(), ClassOfService(), Limits(), Identity(), "")


def known(*acls: Acl, domains: tuple[Domain, ...] = ()) -> Tenant:
    return Tenant("acme", {acl.name: acl for acl in acls}, {domain.label: domain for domain in domains})


def test_a_file_is_read_with_names_and_numbers_in_their_one_form() -> None:
    tenant = read_tenant(FILE, "acme.yaml")
    office = tenant.acls["OFFICE"]
    assert list(office.addresses) == ["192.0.2.0/24", "2001:db8::/32"]
    assert office.accounts["0031000000"] == Account("0031000000", None, "ACME_PASSWORD"), "a number keeps its zeros"
    acme = tenant.domains["acme"]
    assert acme.digest == Digest(("SHA-256", "MD5"), 401, True)
    assert acme.class_of_service == ClassOfService(("BE", "NL"), ("4420",), False, 0, Decimal("0.5"), "EUR")
    assert (acme.limits, acme.identity, acme.nearest_pop) == (Limits(10), None, "us1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("acls:\n  A:\n    adresses: []\n", "f:3: acls.A has no field 'adresses'; 'addresses' is one"),
        ("acls: {}\ndomainz: {}\n", "f:2: the document has no field 'domainz'; 'domains' is one"),
        ("acls:\n  A: {}\n  A: {}\n", "f:3: acls.A stands there twice"),
        ("acls:\n  A:\n    addresses:\n      - cidr: 192.0.2.1/24\n", "f:4: "),
        ("acls:\n  A:\n    addresses: [{cidr: 192.0.2.1}, {cidr: 192.0.2.1/32}]\n", "f:3: 192.0.2.1/32 stands twice"),
        ("acls:\n  A:\n    accounts:\n      - caller_id: x\n", "f:4: acls.A.accounts[0] has no username"),
        ("domains:\n  a:\n    limits: {calls: many}\n", "f:3: domains.a.limits.calls is a whole number"),
        ("domains:\n  a:\n    class_of_service: {max_price: -1}\n", "f:3: "),
        ("domains:\n  a:\n    digest: {qop_optional: perhaps}\n", "f:3: "),
        ("acls: [A]\n", "f:1: acls has names with values"),
        ("domains:\n  a:\n    acls: OFFICE\n", "f:3: domains.a.acls is a list"),
        ("acls: {\n", "f:2: "),
        ("", "f: the file is empty"),
        ("a: &x [*x]\n", "f:1: "),
    ],
)
def test_what_is_wrong_is_named_by_its_line(text: str, told: str) -> None:
    with pytest.raises(DocumentProblem) as caught:
        read_tenant(text, "f")
    assert str(caught.value).startswith(told), str(caught.value)


def actions(wanted: Tenant, there: Tenant, *, is_pruning: bool = False) -> list[do.Action]:
    return [action for change in plan(wanted, there, is_pruning=is_pruning) for action in change.actions]


def test_from_nothing_everything_is_made_and_lists_before_what_they_are_attached_to() -> None:
    made = actions(read_tenant(FILE, "f"), known())
    assert [type(action).__name__ for action in made] == [
        *("CreateAcl", "AddAddress", "AddAddress", "AddAccount", "CreateDomain"),
        *("Set", "Set", "Set", "SetNearestPop", "Attach"),
    ]


def test_what_the_file_does_not_say_is_left_as_it_is() -> None:
    there = known(
        Acl("OFFICE", {"192.0.2.1/32": Address("192.0.2.1/32", "+311", "x")}, {"bob": Account("bob", "+312")}),
        domains=(Domain("acme", ("OFFICE",), Digest(("MD5",), 401), ClassOfService(("NL",)), Limits(3), Identity(hiding="on"), "us1"),),
    )
    said = Tenant("acme", {"OFFICE": Acl("OFFICE", {"192.0.2.1/32": Address("192.0.2.1/32")})}, {"acme": Domain("acme")})
    assert plan(said, there) == ()
    assert left_alone(said, there) == ("account bob in OFFICE",)


def test_a_description_changes_by_one_removal_and_one_addition_that_keeps_the_rest() -> None:
    there = known(Acl("A", {"192.0.2.1/32": Address("192.0.2.1/32", "+311", "old")}))
    wanted = known(Acl("A", {"192.0.2.1/32": Address("192.0.2.1/32", None, "new")}))
    assert actions(wanted, there) == [
        do.RemoveAddress("A", "192.0.2.1/32"),
        do.AddAddress("A", Address("192.0.2.1/32", "+311", "new", False)),
    ]


WIDE = "10.0.0.0/8"


def ranged(is_ban_exempt: bool | None, description: str = "") -> Tenant:
    return known(Acl("A", {WIDE: Address(WIDE, "", description, is_ban_exempt)}))


def test_an_exemption_from_bans_is_in_the_file_and_read_back() -> None:
    text = yaml_of(document_of(ranged(True)))
    assert "ban_exempt: true" in text and read_tenant(text, "f").acls["A"].addresses[WIDE].is_ban_exempt is True
    assert "ban_exempt" not in yaml_of(document_of(ranged(False)))


@pytest.mark.parametrize(
    ("wanted", "there", "done"),
    [
        (ranged(True), ranged(True), []),
        (ranged(None), ranged(True), []),
        (ranged(True), ranged(False), [do.Exempt("A", WIDE)]),
        (ranged(True), known(Acl("A")), [do.AddAddress("A", Address(WIDE, "", "", True)), do.Exempt("A", WIDE)]),
        (ranged(False), ranged(True), [do.RemoveAddress("A", WIDE), do.AddAddress("A", Address(WIDE, "", "", False))]),
        (
            ranged(None, "new"),
            ranged(True, "old"),
            [do.RemoveAddress("A", WIDE), do.AddAddress("A", Address(WIDE, "", "new", True)), do.Exempt("A", WIDE)],
        ),
    ],
)
def test_an_exemption_is_given_taken_and_kept_through_a_change_of_its_address(wanted: Tenant, there: Tenant, done: list[do.Action]) -> None:
    assert actions(wanted, there) == done


def test_an_accounts_number_changes_only_where_its_password_is_known() -> None:
    there = known(Acl("A", {}, {"bob": Account("bob", "+311")}))
    with pytest.raises(PlanProblem, match="password_from"):
        plan(known(Acl("A", {}, {"bob": Account("bob", "+312")})), there)
    again = Account("bob", "+312", "BOB")
    assert actions(known(Acl("A", {}, {"bob": again})), there) == [do.RemoveAccount("A", "bob"), do.AddAccount("A", again)]


def test_a_list_that_nobody_has_cannot_be_attached() -> None:
    with pytest.raises(PlanProblem, match="neither the file nor the tenant"):
        plan(known(domains=(Domain("acme", ("NONE",)),)), known())


def test_pruning_takes_away_what_the_file_does_not_name_and_detaches_first() -> None:
    there = known(
        Acl("A"), Acl("B"), Acl("C", {"192.0.2.1/32": Address("192.0.2.1/32")}), domains=(Domain("acme", ("A", "B")), Domain("old", ("A",)))
    )
    wanted = known(Acl("C"), domains=(Domain("acme", ("B",)),))
    assert actions(wanted, there, is_pruning=True) == [
        do.Detach("acme", "A"),
        do.Detach("old", "A"),
        do.DeleteDomain("old"),
        do.DeleteAcl("A"),
        do.RemoveAddress("C", "192.0.2.1/32"),
    ]
    # A domain that says nothing of its lists keeps them.
    kept = known(domains=(Domain("acme"),))
    assert do.DeleteAcl("B") not in actions(kept, there, is_pruning=True)


NAMES = st.sampled_from(["A", "B", "C"])
ADDRESSES = st.builds(
    Address, st.sampled_from(["192.0.2.1/32", "2001:db8::/32"]), st.sampled_from(["", "+311"]), st.sampled_from(["", "x: y"])
)
ACCOUNTS = st.builds(Account, st.sampled_from(["bob", "0031"]), st.sampled_from(["", "+312"]))
ACLS = st.builds(
    lambda name, addresses, accounts: Acl(name, {each.cidr: each for each in addresses}, {each.username: each for each in accounts}),
    NAMES,
    st.lists(ADDRESSES, max_size=2),
    st.lists(ACCOUNTS, max_size=2),
)
CLASSES = st.builds(
    ClassOfService,
    st.sampled_from([(), ("NL",), ("BE", "NO")]),
    st.sampled_from([(), ("4420",)]),
    st.booleans(),
    st.sampled_from([0, 60]),
    st.sampled_from([Decimal(0), Decimal("0.05"), Decimal(100)]),
    st.sampled_from(["", "EUR"]),
)


@st.composite
def tenants(draw: st.DrawFn) -> Tenant:
    acls = {acl.name: acl for acl in draw(st.lists(ACLS, max_size=3))}
    domains = {}
    for label in draw(st.sets(st.sampled_from(["acme", "branch"]))):
        attached = tuple(name for name in acls if draw(st.booleans()))
        identity = Identity(draw(st.sampled_from([(), ("from", "account")])), ("+3120*",), "", draw(st.booleans()), False, "")
        pop = draw(st.sampled_from(["", "us1"]))
        service = normal.class_of_service(draw(CLASSES))
        domains[label] = Domain(label, attached, Digest(("SHA-256",)), service, Limits(draw(st.integers(0, 3))), identity, pop)
    return Tenant("acme", acls, domains)


@given(tenants())
def test_what_is_exported_is_read_back_as_no_change(tenant: Tenant) -> None:
    read = read_tenant(yaml_of(document_of(tenant)), "f")
    assert plan(read, tenant, is_pruning=True) == ()
    assert left_alone(read, tenant) == ()


@given(tenants(), tenants())
def test_a_plan_with_pruning_ends_where_the_file_says(wanted: Tenant, there: Tenant) -> None:
    try:
        made = after(there, actions(wanted, there, is_pruning=True))
    except PlanProblem:
        return
    assert plan(wanted, made, is_pruning=True) == ()


def after(tenant: Tenant, done: list[do.Action]) -> Tenant:
    """What the service would have then. Fails where it would refuse."""
    acls = {name: (dict(acl.addresses), dict(acl.accounts)) for name, acl in tenant.acls.items()}
    domains = dict(tenant.domains)
    for action in done:
        match action:
            case do.CreateAcl(acl):
                assert acl not in acls
                acls[acl] = ({}, {})
            case do.DeleteAcl(acl):
                assert all(acl not in (domain.acls or ()) for domain in domains.values())
                del acls[acl]
            case do.AddAddress(acl, address):
                assert address.cidr not in acls[acl][0]
                acls[acl][0][address.cidr] = Address(address.cidr, address.caller_id or "", address.description or "")
            case do.RemoveAddress(acl, cidr):
                del acls[acl][0][cidr]
            case do.AddAccount(acl, account):
                assert account.username not in acls[acl][1]
                acls[acl][1][account.username] = Account(account.username, account.caller_id or "")
            case do.RemoveAccount(acl, username):
                del acls[acl][1][username]
            case do.CreateDomain(label):
                assert label not in domains
                domains[label] = Domain(label, (), Digest(), ClassOfService(), Limits(), Identity(), "")
            case do.DeleteDomain(label):
                assert not domains[label].acls
                del domains[label]
            case do.Attach(label, acl):
                assert acl in acls
                domains[label] = changed(domains[label], acls=(*(domains[label].acls or ()), acl))
            case do.Detach(label, acl):
                domains[label] = changed(domains[label], acls=tuple(each for each in domains[label].acls or () if each != acl))
            case do.SetNearestPop(label, pop):
                domains[label] = changed(domains[label], nearest_pop=pop)
            case do.Set(label, value):
                field = {Digest: "digest", ClassOfService: "class_of_service", Limits: "limits", Identity: "identity"}[type(value)]
                domains[label] = changed(domains[label], **{field: value})
    return Tenant(tenant.id, {name: Acl(name, *entries) for name, entries in acls.items()}, domains)


def changed(domain: Domain, **fields: object) -> Domain:
    return Domain(**({name: getattr(domain, name) for name in Domain.__slots__} | fields))  # type: ignore[arg-type]
