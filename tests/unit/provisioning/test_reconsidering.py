"""Calls that happened, decided again: as they were, as they would be with changes, and without a trace of the question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest
from unit.domain.histories import History, contents
from unit.domain.test_policy import ACME, REALM, platform

from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.domain import commands as c
from trunkline.domain.decide_access import SEALED_BYTES
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal
from trunkline.domain.scene import Change, Detach
from trunkline.provisioning.assuming import assumed
from trunkline.provisioning.reconsidering import COMPARED, Reconsidering, Tally

REGIONS = {"eu1": "eu", "us1": "us"}
POPS = tuple(REGIONS)


@pytest.fixture
def history() -> History:
    """The address 192.0.2.0/24 and the account 31000000 call by acme."""
    made = platform()
    for acl in ("OFFICE", "PHONES"):
        made.execute(c.CreateAcl(ACME, acl))
        made.execute(c.AttachAcl(ACME, "acme", acl))
    made.execute(c.AddAddress(ACME, "OFFICE", "192.0.2.0/24"))
    made.execute(c.SetCredential(ACME, "c1", "31000000", REALM, "k", b"s" * SEALED_BYTES))
    made.execute(c.AddAccount(ACME, "PHONES", "31000000", "c1"))
    return made


def record(**changed: object) -> records_pb2.Record:
    facts: dict[str, object] = {
        "call": "call-1",
        "tenant": "acme",
        "domain": "acme",
        "host": f"acme.{REALM}",
        "number": "+31201234567",
        "outcome": "answered",
        "source": "192.0.2.7:5060",
        "pop": "eu1",
    }
    return records_pb2.Record(**(facts | changed))  # type: ignore[arg-type]


BY_ADDRESS = record()
BY_ACCOUNT = record(call="call-2", source="198.51.100.1:5060", account="31000000", username="31000000")
REFUSED = record(call="call-3", source="203.0.113.9:5060", outcome="refused", reason="T204", username="mallory")


async def told(directory: Directory, records: Iterable[records_pb2.Record], *changes: Change) -> Tally:
    async def all_of() -> AsyncIterator[records_pb2.Record]:
        for each in records:
            yield each

    tally = Tally()
    await Reconsidering(directory, ACME, REGIONS, REALM, changes).all(all_of(), tally)
    return tally


def groups(tally: Tally) -> dict[tuple[str, str, str, str], list[str]]:
    return {
        (each.old_outcome, each.old_reason, each.new_outcome, each.new_reason): [example.call for example in each.examples]
        for each in tally.most_first
    }


def change(**which: object) -> pb.AssumedChange:
    return pb.AssumedChange(**which)  # type: ignore[arg-type]


async def test_calls_are_decided_as_they_were_where_nothing_has_changed(history: History) -> None:
    wrong_pop = record(host=f"acme.us1.{REALM}", outcome="refused", reason="T206")
    unrouted = record(number="+4912345678", outcome="refused", reason="T401")
    tally = await told(history.directory, [BY_ADDRESS, BY_ACCOUNT, REFUSED, wrong_pop, unrouted])
    assert (tally.same, tally.left_out, groups(tally)) == (5, 0, {})


async def test_what_would_be_refused_and_admitted_is_told_by_old_and_new_reason_the_most_first(history: History) -> None:
    history.execute(c.RemoveAddress(ACME, "OFFICE", "192.0.2.0/24"))
    history.execute(c.AddAddress(ACME, "OFFICE", "203.0.113.9"))
    tally = await told(history.directory, [BY_ADDRESS, BY_ADDRESS, BY_ACCOUNT, REFUSED])
    assert groups(tally) == {("admit", "", "challenge", ""): ["call-1", "call-1"], ("refuse", "T204", "admit", ""): ["call-3"]}
    history.execute(c.SetClassOfService(ACME, "acme", ("44",)))
    assert groups(await told(history.directory, [BY_ACCOUNT])) == {("admit", "", "refuse", "T301"): ["call-2"]}


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({"remove_address": pb.RemoveAddressRequest(acl="OFFICE", address="192.0.2.0/24")}, ("challenge", "")),
        ({"set_class_of_service": pb.SetClassOfServiceRequest(label="acme", countries=["DE"])}, ("refuse", "T301")),
        ({"set_class_of_service": pb.SetClassOfServiceRequest(countries=["DE"])}, ("refuse", "T301")),
        ({"detach_acl": pb.DetachAclRequest(label="acme", acl="OFFICE")}, ("challenge", "")),
    ],
)
async def test_changes_that_nobody_has_made_are_assumed_and_the_directory_hears_of_nothing(
    history: History, which: dict[str, object], expected: tuple[str, str]
) -> None:
    before = contents(history.directory)
    made = assumed(history.directory, ACME, [change(**which)], realm=REALM, pops=POPS)
    assert groups(await told(made, [BY_ADDRESS])) == {("admit", "", *expected): ["call-1"]}
    assert contents(history.directory) == before
    assert groups(await told(history.directory, [BY_ADDRESS])) == {}


async def test_a_whole_plan_is_assumed_in_its_order(history: History) -> None:
    policy = config_pb2.IdentityPolicy(sources=["from"], is_refusing=True)
    plan = [
        change(create_acl=pb.CreateAclRequest(acl="NEW")),
        change(add_address=pb.AddAddressRequest(acl="NEW", address="203.0.113.0/24")),
        change(add_account=pb.AddAccountRequest(acl="NEW", username="mallory", password="of nobody")),
        change(attach_acl=pb.AttachAclRequest(label="acme", acl="NEW")),
        change(remove_account=pb.RemoveAccountRequest(acl="PHONES", username="31000000")),
        change(create_domain=pb.CreateDomainRequest(label="second")),
        change(set_digest_policy=pb.SetDigestPolicyRequest(label="second", algorithms=["SHA-256"])),
        change(set_limits=pb.SetLimitsRequest(label="second", max_calls=1)),
        change(set_identity_policy=pb.SetIdentityPolicyRequest(label="second", policy=policy)),
        change(set_nearest_pop=pb.SetNearestPopRequest(label="second", pop="us1")),
        change(delete_domain=pb.DeleteDomainRequest(label="second")),
    ]
    made = assumed(history.directory, ACME, plan, realm=REALM, pops=POPS)
    assert groups(await told(made, [BY_ACCOUNT])) == {("admit", "", "refuse", "T203"): ["call-2"]}
    right = record(call="call-4", source="203.0.113.5:5060", username="mallory", account="mallory")
    assert groups(await told(made, [right])) == {}


async def test_a_change_that_would_be_refused_is_named_by_its_place(history: History) -> None:
    plan = [change(create_acl=pb.CreateAclRequest(acl="NEW")), change(create_acl=pb.CreateAclRequest(acl="OFFICE"))]
    with pytest.raises(Refusal) as caught:
        assumed(history.directory, ACME, plan, realm=REALM, pops=POPS)
    assert (caught.value.reason, caught.value.field) == ("ACL_EXISTS", "changes[1]")
    with pytest.raises(Refusal, match="another tenant"):
        assumed(history.directory, ACME, [change(create_acl=pb.CreateAclRequest(tenant="beta", acl="X"))], realm=REALM, pops=POPS)
    with pytest.raises(Refusal, match="names nothing"):
        assumed(history.directory, ACME, [pb.AssumedChange()], realm=REALM, pops=POPS)


async def test_changes_of_one_domain_are_made_to_it(history: History) -> None:
    assert groups(await told(history.directory, [BY_ADDRESS], Detach("OFFICE"))) == {("admit", "", "challenge", ""): ["call-1"]}


@pytest.mark.parametrize("reason", ["T202", "T205", "T305", "T306", "T402", "T902", "T999"])
async def test_what_no_set_up_decides_is_left_out(history: History, reason: str) -> None:
    tally = await told(history.directory, [record(outcome="refused", reason=reason), record(outcome="trying")])
    assert (tally.same, tally.left_out, groups(tally)) == (0, 2, {}) and reason not in COMPARED


async def test_an_identity_that_was_asked_for_is_not_recorded_so_that_letting_it_in_says_nothing(history: History) -> None:
    tally = await told(history.directory, [record(outcome="refused", reason="T502")])
    assert (tally.left_out, groups(tally)) == (1, {})


async def test_a_domain_that_is_gone_refuses(history: History) -> None:
    for acl in ("OFFICE", "PHONES"):
        history.execute(c.DetachAcl(ACME, "acme", acl))
    history.execute(c.DeleteDomain(ACME, "acme"))
    assert groups(await told(history.directory, [BY_ADDRESS])) == {("admit", "", "refuse", "T201"): ["call-1"]}
