import pytest
from unit.domain.histories import History
from unit.domain.test_routing import imported

from trunkline.domain import commands as c
from trunkline.domain.events import CarrierSettings, DeckRow, TenantId
from trunkline.domain.gateway_health import UNKNOWN, Sign, observe
from trunkline.domain.gateway_view import ALL_USED, GatewayView, view_of
from trunkline.domain.policy import AdmittedCall, Memory, Rejected, Routed, decide_call
from trunkline.domain.reasons import reason

ACME = TenantId("acme")
REALM = "sip.example.com"
CALL = AdmittedCall("acme", "acme", f"acme.{REALM}", "+31201234567", "31000000", "", f"sip:31000000@acme.{REALM}")


def platform() -> History:
    history = History()
    history.execute(c.CreateTenant(ACME))
    history.execute(c.CreateDomain(ACME, "acme"))
    history.execute(c.CreateCarrier("alpha", CarrierSettings(is_trusted=True)))
    history.execute(c.CreateCarrier("beta", CarrierSettings()))
    history.execute(c.CreateCarrier("empty", CarrierSettings()))
    history.execute(c.AddGateway("alpha", "g", "192.0.2.1", "eu"))
    history.execute(c.AddGateway("beta", "g", "192.0.2.2", "us"))
    rows = (
        DeckRow("31", "alpha", rate_micros=12_000, destination="Netherlands"),
        DeckRow("31", "beta", priority=1),
        DeckRow("44", "beta"),
        DeckRow("33", "empty"),
    )
    imported(history, "standard", *rows)
    return history


def decided(call: AdmittedCall, history: History | None = None) -> Routed | Rejected:
    return decide_call(call, (history or platform()).directory, region="eu", realm=REALM, randomness=0.5)


def test_a_call_is_routed_with_the_identity_each_carrier_may_see() -> None:
    routed = decided(CALL._replace(privacy=("id",)))
    assert isinstance(routed, Routed)
    assert [target.choice.gateway.key for target in routed.targets] == ["alpha/g", "beta/g"]
    trusted, untrusted = (target.shown for target in routed.targets)
    assert trusted.asserted[1] == "<tel:+31000000>" and trusted.privacy == "id" and trusted.from_name_addr == ""
    assert untrusted.asserted == () and "anonymous.invalid" in untrusted.from_name_addr
    assert (routed.number, routed.prefix, routed.destination, routed.presented) == ("+31201234567", "31", "Netherlands", "anonymous")
    assert routed.identity.caller_id == "+31000000"


@pytest.mark.parametrize("number", ["+31201234567", "31201234567"])
def test_the_plus_makes_no_difference(number: str) -> None:
    routed = decided(CALL._replace(number=number))
    assert isinstance(routed, Routed) and routed.number == "+31201234567"


@pytest.mark.parametrize(
    ("change", "code", "status", "facts"),
    [
        ({"number": "alice"}, "T102", 484, "alice"),
        ({"number": "12"}, "T102", 484, "12"),
        ({"number": "0031201234567"}, "T404", 404, "+0031201234567"),
        ({"number": "+999123456"}, "T404", 404, "+999123456"),
        ({"number": "+4912345678"}, "T401", 404, "+4912345678"),
        ({"number": "+3312345678"}, "T403", 503, "empty"),
        ({"number": "+4412345678", "host": f"acme.eu1.{REALM}"}, "T403", 503, "region eu"),
        ({"privacy": ("session;critical",)}, "T501", 500, "session;critical"),
        ({"privacy": ("Session", "CRITICAL")}, "T501", 500, "session;critical"),
        ({"privacy": ("foo;critical",)}, "T503", 500, "will not go without foo"),
        ({"privacy": ("id;critical", "Bar, foo")}, "T503", 500, "will not go without bar, foo"),
        ({"privacy": ("session;foo;critical",)}, "T501", 500, "session;foo;critical"),
        ({"domain": "gone"}, "T201", 403, "gone"),
        ({"tenant": "other"}, "T201", 403, "other"),
    ],
)
def test_a_call_that_cannot_be_placed_has_the_code_of_its_cause(change: dict[str, str], code: str, status: int, facts: str) -> None:
    rejected = decided(CALL._replace(**change))  # type: ignore[arg-type]
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, reason(rejected.reason).status) == (code, status)
    assert facts in rejected.facts
    assert rejected.caller_id == "+31000000"


def test_class_of_service_refuses_before_the_route_is_looked_for() -> None:
    history = platform()
    history.execute(c.SetClassOfService(ACME, "acme", ("44", "1")))
    rejected = decided(CALL, history)
    assert isinstance(rejected, Rejected) and rejected.reason == "T301"
    unrouted = decided(CALL._replace(number="+4912345678"), history)
    assert isinstance(unrouted, Rejected) and unrouted.reason == "T301"
    assert isinstance(decided(CALL._replace(number="+4412345678"), history), Routed)


def test_a_default_name_goes_to_other_regions_where_its_own_has_no_gateway() -> None:
    routed = decided(CALL._replace(number="+4412345678", host=f"ACME.{REALM}"))
    assert isinstance(routed, Routed)
    assert [target.choice.gateway.key for target in routed.targets] == ["beta/g"]


def test_session_privacy_without_critical_goes_on_and_the_record_says_so() -> None:
    routed = decided(CALL._replace(privacy=("session",)))
    assert isinstance(routed, Routed) and any("session" in note for note in routed.notes)


def test_an_identity_of_another_is_ignored_and_noted() -> None:
    routed = decided(CALL._replace(hints=("<sip:+19998887777@spoofed.example.com>",)))
    assert isinstance(routed, Routed)
    assert routed.identity.caller_id == "+31000000"
    assert routed.notes == ("identity asked for is not the caller's: ignored",)


def test_a_remembered_route_is_the_one_that_would_be_decided_anew() -> None:
    history, memory = platform(), Memory()
    calls = [
        CALL,
        CALL._replace(number="31209999999"),
        CALL._replace(privacy=("id",)),
        CALL._replace(privacy=("none",)),
        CALL._replace(hints=("<sip:+31000000@x>",)),
        CALL._replace(hints=("<tel:+4412345>",)),
        CALL._replace(from_uri="sip:anonymous@Anonymous.Invalid"),
        CALL._replace(account="31000001"),
        CALL._replace(account_caller_id="+4420000000"),
        CALL._replace(host=f"acme.eu1.{REALM}"),
        CALL._replace(number="+4412345678"),
        CALL._replace(number="+33123456"),
        CALL._replace(number="+99912345"),
    ]
    changes = [
        None,
        c.AddGateway("alpha", "h", "192.0.2.9", "us", priority=3),
        c.ChangeCarrier("beta", CarrierSettings(is_trusted=True)),
        c.SetClassOfService(ACME, "acme", ("31",)),
        c.SuspendCarrier("beta"),
        c.SuspendTenant(ACME),
        c.ResumeTenant(ACME),
        c.ResumeCarrier("beta"),
        c.RemoveGateway("alpha", "g"),
    ]
    for change in changes:
        if change is not None:
            history.execute(change)
        for _ in range(2):
            for call in calls:
                remembered = decide_call(call, history.directory, region="eu", realm=REALM, randomness=0.5, memory=memory)
                assert remembered == decided(call, history), (change, call)


def test_what_is_remembered_is_the_same_object_until_something_of_it_changes() -> None:
    history, memory = platform(), Memory()

    def targets(call: AdmittedCall) -> object:
        routed = decide_call(call, history.directory, region="eu", realm=REALM, randomness=0.5, memory=memory)
        assert isinstance(routed, Routed)
        return routed.targets

    first = targets(CALL)
    assert targets(CALL._replace(number="+31209999999")) is first
    imported(history, "standard", DeckRow("31", "alpha"), DeckRow("31", "beta", priority=1))
    again = targets(CALL)
    assert again is not first and targets(CALL) is again
    history.execute(c.AddGateway("alpha", "same", "192.0.2.8", "eu"))
    drawn = targets(CALL)
    assert targets(CALL) is not drawn, "two gateways of one priority: weights are drawn for each call"


def test_a_route_that_is_remembered_holds_only_for_the_view_of_gateways_that_it_was_made_in() -> None:
    history, memory = platform(), Memory()
    healths = {"alpha/g": observe(UNKNOWN, Sign(False, "status", 503, 60), 1_800_000_000.0)}
    told = view_of(healths, spent=frozenset(), version=1)

    def firsts(view: GatewayView) -> tuple[str, tuple[str, ...]]:
        routed = decide_call(CALL, history.directory, region="eu", realm=REALM, randomness=0.5, view=view, memory=memory)
        assert isinstance(routed, Routed)
        return routed.targets[0].choice.gateway.key, routed.notes

    assert firsts(ALL_USED) == firsts(ALL_USED) == ("alpha/g", ())
    note = "gateway alpha/g passed over since 2027-01-15T08:00:00Z: 503, Retry-After 60 s"
    assert firsts(told) == firsts(told) == ("beta/g", (note,))
    assert firsts(GatewayView(2)) == ("alpha/g", ())
