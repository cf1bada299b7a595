import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.gateway_health import UNKNOWN, Health, Sign, State, observe
from trunkline.runtime.gateway_reports import FRESH_S, MAX_GATEWAYS, GatewayReport, GatewayReports, encode_report, parse_report

NOW_S = 1_800_000_000.0
SILENT = Sign(False, "silent")
OPEN = observe(observe(UNKNOWN, SILENT, NOW_S), SILENT, NOW_S)
TOLD = observe(UNKNOWN, Sign(False, "status", 503, 30), NOW_S)


def report(edge: str, region: str, **gateways: Health) -> GatewayReport:
    return GatewayReport(edge, edge, region, NOW_S, {f"{name}/g": health for name, health in gateways.items()})


def test_a_report_arrives_as_it_was_told_without_what_is_closed() -> None:
    told = report("eu1", "eu", alpha=OPEN, beta=TOLD, gamma=UNKNOWN)
    heard = parse_report(encode_report(told), NOW_S + 1)
    assert (heard.edge, heard.pop, heard.region, heard.heard_s) == ("eu1", "eu1", "eu", NOW_S + 1)
    shown = {key: (each.state, each.since_s, each.until_s, each.is_told, each.why) for key, each in heard.gateways.items()}
    assert shown == {
        "alpha/g": (State.OPEN, NOW_S, NOW_S + 5, False, "calls failed in a row, the last: silent"),
        "beta/g": (State.OPEN, NOW_S, NOW_S + 30, True, "503, Retry-After 30 s"),
    }


def test_a_report_is_bounded_whatever_is_dead() -> None:
    body = encode_report(GatewayReport("e", "p", "r", 0.0, {f"carrier-{n:024}/gateway-{n:024}": OPEN for n in range(10_000)}))
    assert len(parse_report(body, NOW_S).gateways) == MAX_GATEWAYS
    assert len(body) < 1 << 20


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.binary(max_size=40) | st.builds(lambda each: json.dumps({"edge": "e", "pop": "p", "region": "r", "gateways": each}).encode(), VALUES)
)
def test_what_cannot_be_read_is_a_value_error_and_nothing_else(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_report(body, NOW_S)


@pytest.mark.parametrize("state", [["closing", 1, 2, False, ""], ["open", 1, 2, 0, ""], ["open", -1, 2, False, ""], ["open", 1, 2, False]])
def test_a_state_that_is_none_is_named(state: list[object]) -> None:
    body = json.dumps({"edge": "e", "pop": "p", "region": "r", "gateways": {"alpha/g": state}}).encode()
    with pytest.raises(ValueError, match=r"alpha/g|closing"):
        parse_report(body, NOW_S)


def test_a_regions_view_goes_by_the_majority_of_its_edges_that_were_heard_lately() -> None:
    reports = GatewayReports()
    reports.hear(report("eu1", "eu", alpha=OPEN))
    reports.hear(report("us1", "us", beta=OPEN))
    assert list(reports.view("eu", NOW_S).passed) == ["alpha/g"]
    reports.hear(report("eu2", "eu"))
    assert not reports.view("eu", NOW_S).passed, "one of two"
    reports.hear(report("eu2", "eu", alpha=OPEN))
    assert list(reports.view("eu", NOW_S).passed) == ["alpha/g"]
    assert not reports.view("eu", NOW_S + FRESH_S + 1).passed
    assert not reports.view("apac", NOW_S).passed


def test_one_edge_that_was_told_to_stay_away_speaks_for_the_region() -> None:
    reports = GatewayReports()
    for edge in ("eu1", "eu2", "eu3"):
        reports.hear(report(edge, "eu", **({"alpha": TOLD} if edge == "eu1" else {})))
    assert reports.view("eu", NOW_S).told == {"alpha/g"}
