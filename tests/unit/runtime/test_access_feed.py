"""Facts become table changes; in the end only what is true counts, not the order in which it came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.events import (
    AccountAdded,
    AccountCredentialChanged,
    AccountRemoved,
    AclAttached,
    AclCreated,
    AclDeleted,
    AclDetached,
    AddressAdded,
    AddressRemoved,
    CaptureSet,
    CarrierChanged,
    CarrierCreated,
    CarrierSettings,
    CredentialErased,
    CredentialSet,
    DigestPolicySet,
    DomainCreated,
    DomainDeleted,
    Event,
    GatewayAdded,
    GatewayChanged,
    GatewayRemoved,
    Kind,
    Position,
    TenantId,
)
from trunkline.domain.facts import Fact
from trunkline.engine.tables import (
    RemoveAccount,
    RemoveAcl,
    RemoveAddress,
    RemoveDomain,
    RemoveGateway,
    SetAccount,
    SetAddress,
    SetDomain,
    SetGateway,
    TableChange,
)
from trunkline.runtime.access_feed import AccessFeed

ACME = TenantId("acme")
REALM = "sip.trunkline.test"


class Keys:
    """Opens a sealed secret whose key is known; what is sealed says which secret it is."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)

    def __call__(self, tenant: TenantId, credential_id: str, credential: CredentialSet) -> tuple[bytes, bytes, bytes] | None:
        mark = credential.sealed
        return (mark * 16, mark * 32, mark * 32) if credential.key_id in self.known else None


def fact(aggregate: str, event: Event, kind: Kind = Kind.ACL, tenant: TenantId = ACME) -> Fact:
    return Fact(Position(1), kind, tenant, aggregate, event, 1)


def credential(mark: bytes, user: str = "31000000", key: str = "k1", realm: str = REALM) -> CredentialSet:
    return CredentialSet(user, realm, key, mark)


class Tables:
    """What the engine would hold, kept plainly."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, ...], TableChange] = {}

    def apply(self, changes: Iterable[TableChange]) -> None:
        for change in changes:
            match change:
                case SetDomain():
                    self.entries["domain", change.host] = change
                case SetAddress():
                    self.entries["address", change.acl, change.cidr] = change
                case SetAccount():
                    self.entries["account", change.acl, change.username] = change
                case SetGateway():
                    self.entries["gateway", change.gateway] = change
                case RemoveDomain():
                    self.entries.pop(("domain", change.host), None)
                case RemoveAddress():
                    self.entries.pop(("address", change.acl, change.cidr), None)
                case RemoveAccount():
                    self.entries.pop(("account", change.acl, change.username), None)
                case RemoveGateway():
                    self.entries.pop(("gateway", change.gateway), None)
                case RemoveAcl():
                    for key in [key for key in self.entries if key[0] in ("address", "account") and key[1] == change.acl]:
                        del self.entries[key]
                case _:
                    raise AssertionError(change)


def feed(keys: Keys | None = None, pops: tuple[str, ...] = ("eu1",)) -> AccessFeed:
    return AccessFeed(REALM, pops, keys or Keys("k1"))


def tables(facts: Iterable[Fact], keys: Keys | None = None) -> dict[tuple[str, ...], TableChange]:
    result, source = Tables(), feed(keys)
    for each in facts:
        result.apply(source.changes(each))
    return result.entries


def account(facts: Iterable[Fact], keys: Keys | None = None) -> SetAccount:
    entry = tables(facts, keys)["account", "acme/OUT", "31000000"]
    assert isinstance(entry, SetAccount)
    return entry


ADDED = fact("OUT", AccountAdded("31000000", "c1", "+3120"))
SET = fact("c1", credential(b"A"), Kind.CREDENTIAL)


def test_an_account_gets_its_secrets_whichever_comes_first() -> None:
    expected = SetAccount("acme/OUT", "31000000", b"A" * 16, b"A" * 32, b"A" * 32, "+3120")
    assert account([SET, ADDED]) == expected
    assert account([ADDED, SET]) == expected


def test_an_account_without_a_readable_secret_stays_and_admits_nobody() -> None:
    unreadable = SetAccount("acme/OUT", "31000000", b"", b"", b"", "+3120")
    assert account([ADDED]) == unreadable
    assert account([ADDED, SET], Keys()) == unreadable
    assert account([ADDED, SET, fact("c1", CredentialErased(), Kind.CREDENTIAL)]) == unreadable


def test_a_credential_of_another_user_or_realm_is_not_used() -> None:
    for other in (credential(b"A", user="32000000"), credential(b"A", realm="other.test")):
        assert account([ADDED, fact("c1", other, Kind.CREDENTIAL)]).ha1_md5 == b""


def test_a_credential_of_another_tenant_is_not_used() -> None:
    assert account([ADDED, fact("c1", credential(b"A"), Kind.CREDENTIAL, TenantId("globex"))]).ha1_md5 == b""


def test_a_key_that_comes_later_opens_the_secrets_of_its_tenant() -> None:
    keys = Keys()
    source = feed(keys)
    for each in (ADDED, SET):
        source.changes(each)
    keys.known.add("k1")
    assert source.keys_changed("globex") == []
    assert source.keys_changed("acme") == [SetAccount("acme/OUT", "31000000", b"A" * 16, b"A" * 32, b"A" * 32, "+3120")]


def test_a_changed_password_replaces_the_secret_and_keeps_the_caller_id() -> None:
    changed = account([ADDED, SET, fact("c2", credential(b"B"), Kind.CREDENTIAL), fact("OUT", AccountCredentialChanged("31000000", "c2"))])
    assert (changed.ha1_md5, changed.caller_id) == (b"B" * 16, "+3120")


def test_the_old_credential_of_a_changed_account_does_nothing_any_more() -> None:
    source = feed()
    for each in (ADDED, SET, fact("OUT", AccountCredentialChanged("31000000", "c2"))):
        source.changes(each)
    assert source.changes(fact("c1", credential(b"C"), Kind.CREDENTIAL)) == []


def test_one_credential_may_serve_accounts_of_two_acls() -> None:
    source = feed()
    for name in ("OUT", "BACKUP"):
        source.changes(fact(name, AccountAdded("31000000", "c1")))
    assert [change.acl for change in source.changes(SET) if isinstance(change, SetAccount)] == ["acme/OUT", "acme/BACKUP"]


def test_a_domain_has_its_default_name_and_one_a_pop() -> None:
    source = feed(pops=("eu1", "us1"))
    hosts = [change.host for change in source.changes(fact("acme", DomainCreated("acme"), Kind.DOMAIN)) if isinstance(change, SetDomain)]
    assert hosts == ["acme.sip.trunkline.test", "acme.eu1.sip.trunkline.test", "acme.us1.sip.trunkline.test"]


def test_a_domain_carries_its_acls_and_its_digest_policy() -> None:
    entries = tables(
        [
            fact("acme", DomainCreated("acme"), Kind.DOMAIN),
            fact("acme", AclAttached("OUT"), Kind.DOMAIN),
            fact("acme", AclAttached("BACKUP"), Kind.DOMAIN),
            fact("acme", AclDetached("OUT"), Kind.DOMAIN),
            fact("acme", DigestPolicySet(("SHA-256", "MD5"), 401, True), Kind.DOMAIN),
        ]
    )
    host = "acme.eu1.sip.trunkline.test"
    assert entries["domain", host] == SetDomain(host, "acme", "acme", ("acme/BACKUP",), ("SHA-256", "MD5"), 401, True)


def test_what_is_captured_of_a_domain_goes_to_every_name_of_it() -> None:
    entries = tables([fact("acme", DomainCreated("acme"), Kind.DOMAIN), fact("acme", CaptureSet(25, 1_800_000_000), Kind.DOMAIN)])
    for host in ("acme.sip.trunkline.test", "acme.eu1.sip.trunkline.test"):
        assert entries["domain", host] == SetDomain(host, "acme", "acme", (), capture_percent=25, capture_until_s=1_800_000_000)


def test_a_domains_acls_stand_in_the_order_of_their_attachment() -> None:
    attached = [fact("acme", AclAttached(name), Kind.DOMAIN) for name in ("OUT", "BACKUP", "OUT")]
    host = "acme.sip.trunkline.test"
    first = tables([fact("acme", DomainCreated("acme"), Kind.DOMAIN), *attached[:2]])["domain", host]
    assert isinstance(first, SetDomain) and first.acls == ("acme/OUT", "acme/BACKUP")
    again = tables([fact("acme", DomainCreated("acme"), Kind.DOMAIN), *attached])["domain", host]
    assert isinstance(again, SetDomain) and again.acls == ("acme/BACKUP", "acme/OUT")


def test_a_domain_that_was_deleted_and_made_anew_has_nothing_of_the_old_one() -> None:
    entries = tables(
        [
            fact("acme", DomainCreated("acme"), Kind.DOMAIN),
            fact("acme", AclAttached("OUT"), Kind.DOMAIN),
            fact("acme", DigestPolicySet(("SHA-256",), 401, True), Kind.DOMAIN),
            fact("acme", DomainDeleted(), Kind.DOMAIN),
            fact("acme", DomainCreated("acme"), Kind.DOMAIN, TenantId("globex")),
        ]
    )
    host = "acme.sip.trunkline.test"
    assert entries["domain", host] == SetDomain(host, "globex", "acme", ())


def test_an_acl_that_was_deleted_and_made_anew_has_nothing_of_the_old_one() -> None:
    entries = tables([ADDED, SET, fact("OUT", AddressAdded("192.0.2.1/32")), fact("OUT", AclDeleted()), fact("OUT", AclCreated())])
    assert entries == {}


def test_a_gateway_follows_its_carriers_trust() -> None:
    added = fact("alpha", GatewayAdded("g1", "127.0.9.1", 5061, "tls", "eu", tls_name="sip.alpha.example"), Kind.CARRIER)
    trusted = CarrierSettings(is_trusted=True)
    expected = SetGateway("alpha/g1", "alpha", "127.0.9.1", 5061, "tls", True, "sip.alpha.example")
    made, changed = fact("alpha", CarrierCreated(), Kind.CARRIER), fact("alpha", CarrierChanged(trusted), Kind.CARRIER)
    assert tables([made, added, changed]) == {("gateway", "alpha/g1"): expected}
    assert tables([made, changed, added]) == {("gateway", "alpha/g1"): expected}
    assert tables([made, changed, added, fact("alpha", GatewayRemoved("g1"), Kind.CARRIER)]) == {}
    moved = fact("alpha", GatewayChanged("g1", "127.0.9.7", 5070, "udp", "us"), Kind.CARRIER)
    elsewhere = SetGateway("alpha/g1", "alpha", "127.0.9.7", 5070, "udp", True)
    assert tables([made, changed, added, moved]) == tables([made, added, moved, changed]) == {("gateway", "alpha/g1"): elsewhere}


class _Histories:
    """Facts an aggregate, each list valid in itself; between aggregates they may be interleaved in any way."""

    users = st.sampled_from(["31000000", "32000000"])
    credentials = st.sampled_from(["c1", "c2"])

    acl_steps = st.lists(
        st.one_of(
            st.builds(AddressAdded, st.sampled_from(["192.0.2.0/24", "2001:db8::/32"]), st.sampled_from(["", "+3120"])),
            st.builds(AddressRemoved, st.sampled_from(["192.0.2.0/24", "2001:db8::/32"])),
            st.builds(AccountAdded, users, credentials, st.sampled_from(["", "+3120"])),
            st.builds(AccountRemoved, users),
            st.just(AclDeleted()),
        ),
        max_size=8,
    )
    credential_steps = st.lists(
        st.one_of(
            st.builds(credential, st.sampled_from([b"A", b"B"]), users, st.sampled_from(["k1", "k2"])),
            st.just(CredentialErased()),
        ),
        max_size=4,
    )
    domain_steps = st.lists(
        st.one_of(
            st.builds(AclAttached, st.sampled_from(["OUT", "BACKUP"])),
            st.builds(AclDetached, st.sampled_from(["OUT", "BACKUP"])),
            st.builds(DigestPolicySet, st.sampled_from([("MD5",), ("SHA-256", "MD5")]), st.sampled_from([401, 407]), st.booleans()),
        ),
        max_size=5,
    )


@given(st.data())
def test_facts_of_different_aggregates_may_come_in_any_order(data: st.DataObject) -> None:
    histories: dict[tuple[Kind, str], list[Event]] = defaultdict(list)
    for name in ("OUT", "BACKUP"):
        histories[Kind.ACL, name] += [AclCreated(), *data.draw(_Histories.acl_steps)]
    for name in ("c1", "c2"):
        histories[Kind.CREDENTIAL, name] += data.draw(_Histories.credential_steps)
    histories[Kind.DOMAIN, "acme"] += [DomainCreated("acme"), *data.draw(_Histories.domain_steps)]
    plain = [fact(name, event, kind) for (kind, name), events in histories.items() for event in events]
    order = data.draw(st.permutations([key for key, events in histories.items() for _ in events]))
    left = {key: iter(events) for key, events in histories.items()}
    mixed = [fact(name, next(left[kind, name]), kind) for kind, name in order]
    assert tables(mixed) == tables(plain)


@given(st.data())
def test_a_key_that_comes_at_any_moment_gives_the_same_tables(data: st.DataObject) -> None:
    facts = [fact("OUT", event) for event in [AclCreated(), *data.draw(_Histories.acl_steps)]]
    facts += [fact(name, event, Kind.CREDENTIAL) for name in ("c1", "c2") for event in data.draw(_Histories.credential_steps)]
    moment = data.draw(st.integers(min_value=0, max_value=len(facts)))
    keys, result = Keys("k2"), Tables()
    source = feed(keys)
    for index, each in enumerate([*facts, None]):
        if index == moment:
            keys.known.add("k1")
            result.apply(source.keys_changed("acme"))
        if each is not None:
            result.apply(source.changes(each))
    assert result.entries == tables(facts, Keys("k1", "k2"))
