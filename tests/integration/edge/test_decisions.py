"""Decisions that the engine remembers: calls of a kind are decided once, and after whatever changes, as a policy that is asked each time
would decide them."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.engine import ANSWER_LIMIT_S, NUMBER, REALM, EngineBench, Peer, by_address
from unit.domain.histories import History
from unit.domain.test_routing import imported

from trunkline.domain import commands as c
from trunkline.domain.events import CarrierSettings, DeckRow, IdentityPolicy, TenantId
from trunkline.edge.gateway_healths import GatewayHealths
from trunkline.edge.policy import Policy
from trunkline.engine import Decision, Invite
from trunkline.runtime.gateway_reports import GatewayReports

ACME = TenantId("acme")
NOW_S = 1_000.0


class Trial:
    """An engine with the policy of an edge over a directory that is changed as the log would change it."""

    def __init__(self, folder: Path) -> None:
        self.bench = EngineBench(folder)
        self.first, self.second = self.bench.gateway(), self.bench.gateway()
        self.history = History()
        self.asked = 0
        self.healths = GatewayHealths("e", "eu", GatewayReports(), self.bench.engine.forget_decisions)
        self.policy = Policy(
            lambda: self.history.directory, region="eu", realm=REALM, gateways=self.healths, forget=self.bench.engine.forget_decisions
        )
        self.policy.is_isolated = False
        self.bench.decide = self.decide
        for command in (
            c.CreateTenant(ACME),
            c.CreateDomain(ACME, "acme"),
            *(c.CreateCarrier(name, CarrierSettings(is_trusted=True)) for name in ("alpha", "beta")),
            c.AddGateway("alpha", "g", *_place(self.first)),
            c.AddGateway("beta", "g", *_place(self.second)),
        ):
            self.history.execute(command)
        rows = [DeckRow("31", "alpha"), DeckRow("31", "beta", priority=1), DeckRow("4420", "beta")]
        imported(self.history, "standard", *rows)
        self.bench.apply(*by_address())
        self._calls = 0

    def decide(self, invite: Invite) -> Decision:
        self.asked += 1
        return self.policy.on_invite(invite)

    def change(self, *commands: c.Command) -> None:
        for command in commands:
            self.history.execute(command)
        self.bench.engine.apply([], self.history.position + 10)

    def call(self, number: str = NUMBER, *extra: str, caller: str = "31000000") -> str:
        """Who is tried first, and as which number; or the refusal. Each call is over when it returns."""
        self._calls += 1
        customer = self.bench.peer()
        customer.send(customer.request(number=number, call=f"call-{self._calls}", extra=extra, caller=caller))
        peers = {customer.socket: customer, self.first.socket: self.first, self.second.socket: self.second}
        while True:
            ready, _, _ = select.select(list(peers), [], [], ANSWER_LIMIT_S)
            assert ready, f"nobody has heard anything of the call to {number}"
            message = peers[ready[0]].receive()
            if ready[0] is customer.socket:
                if message.status >= 200:
                    return message.start_line.removeprefix("SIP/2.0 ")
                continue
            gateway = peers[ready[0]]
            gateway.answer(message, "486 Busy Here")
            assert gateway.receive().start_line.startswith("ACK ")
            assert customer.final().status == 486
            name = "alpha" if gateway is self.first else "beta"
            return f"{name} {message.start_line.split()[1].removeprefix('sip:').partition('@')[0]}"

    @property
    def remembered(self) -> int:
        return self.bench.engine.status()["remembered"]


def _place(gateway: Peer) -> tuple[str, str, int]:
    host, port = gateway.address
    return host, "eu", port


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    made = Trial(tmp_path)
    yield made
    made.bench.close()


def test_a_kind_of_call_is_decided_once_and_each_call_goes_to_its_own_number(trial: Trial) -> None:
    assert trial.call("31201234567") == "alpha +31201234567"
    assert trial.call("+31201234568") == "alpha +31201234568"
    assert trial.call("31209999999") == "alpha +31209999999"
    assert (trial.asked, trial.remembered) == (1, 2)
    assert trial.call("+442012345") == "beta +442012345"
    assert trial.call("+442112345").startswith("404 "), "not of the prefix that was decided about"
    assert trial.call("+999").startswith("404 ") and trial.call("12").startswith("484 ")
    assert trial.remembered == 2
    records = [fact["attempted"] for fact in trial.bench.facts(8) if "attempted" in fact]
    assert [(each["number"], each["prefix"]) for each in records][:2] == [("+31201234567", "31"), ("+31201234568", "31")]


WISHES = ("Privacy: id", "Privacy: none", "P-Asserted-Identity: <sip:31000000@acme.sip.example.com>", "P-Preferred-Identity: <tel:+4420>")


def test_who_asks_for_privacy_or_another_identity_is_decided_with_those_who_ask_for_the_same(trial: Trial) -> None:
    assert trial.call() == trial.call()
    for number, extra in enumerate(WISHES, start=2):
        trial.call(NUMBER, extra)
        trial.call("31200000000", extra)
        assert (trial.asked, trial.remembered) == (number, number), extra
    privacies = [fact["attempted"].get("privacy", "") for fact in trial.bench.facts(4 * trial._calls) if "attempted" in fact]
    assert privacies == ["", "", "id", "id", "none", "none", "", "", "", ""]


def test_a_caller_id_that_a_domain_takes_from_the_call_is_that_of_the_call(trial: Trial) -> None:
    policy = IdentityPolicy(sources=("from",), allowed_caller_ids=("+3120*",))
    trial.change(c.SetIdentityPolicy(ACME, "acme", policy))
    for user in ("+31201111", "+31202222", "+31201111", "+4420"):
        trial.call(caller=user)
        trial.call(caller=user)
    assert (trial.asked, trial.remembered) == (3, 5)
    told = [fact["attempted"].get("caller_id", "") for fact in trial.bench.facts(4 * trial._calls) if "attempted" in fact]
    assert told == ["+31201111", "+31201111", "+31202222", "+31202222", "+31201111", "+31201111", *["sip:acme.sip.example.com"] * 2]


CHANGES: dict[str, tuple[c.Command, str]] = {
    "a carrier suspended": (c.SuspendCarrier("alpha"), f"beta +{NUMBER}"),
    "the tenant suspended": (c.SuspendTenant(ACME), "403 "),
    "another class of service": (c.SetClassOfService(ACME, "acme", ("44",)), "403 "),
    "no such country": (c.SetClassOfService(ACME, "", (), countries=("GB",)), "403 "),
    "the domain deleted": (c.DeleteDomain(ACME, "acme"), "403 Domain Not Served T201"),
    "a gateway of another region": (c.ChangeGateway("alpha", "g", region="us"), f"beta +{NUMBER}"),
    "a gateway gone": (c.RemoveGateway("alpha", "g"), f"beta +{NUMBER}"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_next_call_after_a_change_of_the_log_is_decided_by_it(trial: Trial, what: str) -> None:
    command, expected = CHANGES[what]
    assert [trial.call(), trial.call()] == [f"alpha +{NUMBER}"] * 2 and trial.remembered == 1
    trial.change(command)
    for _ in range(2):
        assert trial.call().startswith(expected), what


def test_another_deck_holds_from_the_next_call_on(trial: Trial) -> None:
    assert [trial.call(), trial.call()] == [f"alpha +{NUMBER}"] * 2
    imported(trial.history, "standard", DeckRow("31", "alpha"), DeckRow(NUMBER[:6], "beta"))
    trial.change()
    assert [trial.call(), trial.call(), trial.call("3144444")] == [f"beta +{NUMBER}"] * 2 + ["alpha +3144444"]


def test_limits_are_asked_about_each_time(trial: Trial) -> None:
    trial.change(c.SetLimits(ACME, "acme", max_calls=5))
    trial.call()
    trial.call()
    assert (trial.asked, trial.remembered) == (2, 0)


OUTSIDE: dict[str, tuple[Callable[[Trial], None], str]] = {
    "a gateway that fails": (lambda trial: fail(trial, "alpha/g"), f"beta +{NUMBER}"),
    "the point of presence emptied": (lambda trial: setattr(trial.policy, "is_refusing", True), "503 "),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_so_it_is_after_a_change_that_no_log_tells(trial: Trial, what: str) -> None:
    change, expected = OUTSIDE[what]
    assert [trial.call(), trial.call()] == [f"alpha +{NUMBER}"] * 2 and trial.remembered == 1
    change(trial)
    for _ in range(2):
        assert trial.call().startswith(expected), what


def test_the_record_says_that_the_log_was_away_while_it_was(trial: Trial) -> None:
    def notes() -> list[str]:
        facts = trial.bench.facts(4 * trial._calls)
        return [" ".join(fact["attempted"].get("notes", ())) for fact in facts if "attempted" in fact]

    trial.call()
    trial.policy.is_isolated = True
    trial.call()
    trial.call()
    trial.policy.is_isolated = False
    trial.call()
    assert ["out of reach" in note for note in notes()[:4]] == [False, True, True, False]


def fail(trial: Trial, gateway: str) -> None:
    """Calls failed there, so many that it is passed over."""
    trial.healths.turn([(gateway, False, "unreachable", 0, 0, 10, ("192.0.2.1", 5060, "udp"))], {gateway}, NOW_S)
    assert gateway in trial.healths.view.passed
