"""One tenant never learns of another: whatever is asked with its key, over every method that there is.

Everything that the first tenant owns has a mark of its own in its name. The second one sends random requests that name its own things, the
first one's, and things that nobody has. Two properties hold: an answer or error holds no mark that the request did not hold; and to name a
thing of the first tenant is answered exactly like naming a thing that does not exist. The one exception is inherent: a label that somebody
has cannot be had.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from helpers import sipp
from helpers.dashboard import Feed
from helpers.everywhere import LISTED
from helpers.platform import Platform, wait_for
from helpers.platform_grpc import blocking_channel, operator
from helpers.tenants import MARK, METHODS, Owner, Scene, two_tenants
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.records.v1 import records_pb2

CREATING = ("CreateAcl", "CreateDomain")
"""A name that nobody has would be had after the first try."""
DEPTH = 4


@pytest.fixture(scope="module")
def scene(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with two_tenants(platform, tmp_path_factory.mktemp("tenants")) as found:
        yield found


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, MethodDescriptor, Any]:
    """A method, and its request as nested dicts in which a name is a pair: (whose, which)."""
    process, method = draw(st.sampled_from(METHODS))
    return process, method, draw(_fields(method.input_type, DEPTH))


def _fields(kind: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={field.name: _values(field, depth) for field in kind.fields})


def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    one = _value(field, depth)
    return st.lists(one, max_size=2) if field.is_repeated else one


def _value(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            # One request id for two requests would be a fault of its own, so it is never the second tenant's.
            whose = st.just("first") if field.name == "request_id" else st.sampled_from(["first", "first", "second"])
            which = {
                "tenant": ["tenant"],
                "acl": ["acl"],
                "label": ["label"],
                "domain": ["label"],
                "host": ["host"],
                "call": ["call"],
                "request_id": ["request_id"],
            }
            names = which.get(field.name, list(range(9)))
            return st.tuples(whose, st.sampled_from(names)) | st.sampled_from(["", "eu1", "+31201234567", "192.0.2.1"])
        case FieldDescriptor.TYPE_BYTES:
            return st.sampled_from([b"", bytes(32)])
        case FieldDescriptor.TYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.TYPE_MESSAGE if depth:
            return _fields(field.message_type, depth - 1)
        case FieldDescriptor.TYPE_MESSAGE:
            return st.just({})
        case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
            return st.just(0.0)
        case _:
            return st.sampled_from([0, 1, 7])


def _filled(scene: Scene, values: Any, first: Owner) -> Any:
    """The request with names put in; `first` may be a stranger in its place."""
    match values:
        case dict():
            return {key: _filled(scene, value, first) for key, value in values.items()}
        case list():
            return [_filled(scene, value, first) for value in values]
        case (str() as whose, which):
            owner = first if whose == "first" else scene.second
            if which == "host":
                return f"{owner.label}.{scene.platform.local['base_domain']}"
            return getattr(owner, which) if isinstance(which, str) else owner.names[which]
        case _:
            return values


def _neutral(text: str, owner: Owner) -> str:
    """What two answers are compared by: names of the owner stand as one word, and numbers that differ by nature are gone."""
    for name in sorted(owner.names, key=len, reverse=True):
        text = text.replace(name, "<name>")
    return re.sub(r"\d+", "<number>", text)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(asked=requests())
def test_no_answer_tells_of_another_tenant(scene: Scene, asked: tuple[str, MethodDescriptor, Any]) -> None:
    process, method, values = asked
    kind = GetMessageClass(method.input_type)
    before = scene.owned_by_first()
    answers = []
    tries = [(named, kind(**_filled(scene, values, named))) for named in (scene.first, scene.stranger)]
    if "write" in kind.DESCRIPTOR.fields_by_name:
        # Of two commands of the second tenant with one id the later is refused, whoever its names are: each id of another's is tried once.
        ids = {request.write.request_id for _, request in tries}
        if ids & scene.spent:
            for _, request in tries:
                request.write.request_id = ""
        scene.spent |= ids - {""}
    # A name that nobody has would be had after the first try, and be the second tenant's from then on.
    is_made_twice = method.name == "CreateDomain" or (method.name == "CreateAcl" and tries[0][1].acl == tries[1][1].acl)
    if is_made_twice or tries[0][1] == tries[1][1]:
        del tries[1]
    for named, request in tries:
        status, content, text = scene.ask(process, method, request, scene.second.key)
        raw = request.SerializeToString()
        if status is grpc.StatusCode.OK and not method.name.startswith(
            ("Get", "List", "Read", "Show", "Tail", "Wait", "Explain", "Resolve")
        ):
            scene.written += raw
        known = raw + scene.written
        told = {mark for mark in MARK.findall(content) if mark.startswith((b"zqa", b"zqc"))}
        assert told <= set(MARK.findall(known)), f"{method.name} tells {told - set(MARK.findall(known))}"
        for secret in (scene.first.number, scene.first.address, scene.first.call):
            assert secret.encode() not in content or secret.encode() in known, f"{method.name} tells {secret}"
        answers.append((status, _neutral(text, named)))
    assert answers[0] == answers[-1], f"{method.name} answers differently where a name is somebody's"
    assert scene.owned_by_first() == before, f"{method.name} changed what is another's"


WITH_TENANT = tuple(each for each in METHODS if "tenant" in each[1].input_type.fields_by_name)


@pytest.mark.parametrize(("process", "method"), WITH_TENANT, ids=lambda value: getattr(value, "name", value))
def test_every_method_refuses_another_tenants_name(scene: Scene, process: str, method: MethodDescriptor) -> None:
    """Whether there is such a tenant or not."""
    kind = GetMessageClass(method.input_type)
    named = (scene.first.tenant, scene.stranger.tenant)
    told = [scene.ask(process, method, kind(tenant=tenant), scene.second.key) for tenant in named]
    # Auth knows no tenants' keys at all.
    refusals = {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED}
    assert {status for status, _, _ in told} <= refusals
    assert told[0][0] is told[1][0]
    assert _neutral(told[0][2], scene.first) == _neutral(told[1][2], scene.stranger)


NAMING: dict[str, str] = {
    "acl": "acl",
    "label": "label",
    "domain": "label",
    "username": "account",
    "account": "account",
    "call": "call",
    "api_key": "key_name",
    "aggregate": "acl",
    "address": "address",
    "number": "number",
    "caller_id": "number",
}
"""Fields by which a request names what a tenant has, and what of an `Owner` stands there."""
BY_NAME = tuple(
    each for each in METHODS if not NAMING.keys().isdisjoint(each[1].input_type.fields_by_name) and each[1].name not in CREATING
)


@pytest.fixture(scope="module")
def newcomer(scene: Scene) -> str:
    """The key of a tenant that has nothing: the second one has written things of the first one's names by now, and reads them again."""
    tenant, key = f"newcomer-{secrets.token_hex(4)}", f"tk_{secrets.token_urlsafe(32)}"
    with blocking_channel(scene.platform, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        as_operator = {"metadata": operator(scene.platform), "timeout": 10}
        stub.CreateTenant(p.CreateTenantRequest(tenant=tenant, name=tenant), **as_operator)
        hashed = hashlib.sha256(key.encode()).digest()
        stub.CreateApiKey(p.CreateApiKeyRequest(tenant=tenant, name="own", key_hash=hashed), **as_operator)
    # Auth knows nobody's key: it serves edges and operators.
    for process in scene.channels.keys() - {"auth-eu"}:
        reading = next(method for at, method in METHODS if at == process and method.name.startswith(("Get", "List", "Resolve")))
        asked = (process, reading, GetMessageClass(reading.input_type)(), key)
        wait_for(f"{process} knows the key", lambda asked=asked: scene.ask(*asked)[0] is not grpc.StatusCode.UNAUTHENTICATED)
    return key


@pytest.mark.parametrize(("process", "method"), BY_NAME, ids=lambda value: getattr(value, "name", value))
def test_every_method_answers_another_tenants_names_like_nobodys(
    scene: Scene, newcomer: str, process: str, method: MethodDescriptor
) -> None:
    kind = GetMessageClass(method.input_type)
    fields = [field.name for field in method.input_type.fields if field.name in NAMING and field.type == FieldDescriptor.TYPE_STRING]
    told = []
    for owner in (scene.first, scene.stranger):
        request = kind(**{field: getattr(owner, NAMING[field]) for field in fields})
        status, content, text = scene.ask(process, method, request, newcomer)
        assert set(MARK.findall(content)) <= set(MARK.findall(request.SerializeToString()))
        told.append((status, _neutral(text, owner), len(content) if status is grpc.StatusCode.OK else 0))
    assert told[0] == told[1]


def test_figures_of_another_tenants_domain_are_those_of_nobodys(scene: Scene) -> None:
    process, method = next(each for each in METHODS if each[1].name == "GetUsage")
    request = records_pb2.GetUsageRequest(domain=scene.first.label)
    attempts = []
    for owner in (scene.first, scene.second):
        status, content, _ = scene.ask(process, method, request, owner.key)
        assert status is grpc.StatusCode.OK
        attempts.append(records_pb2.GetUsageResponse.FromString(content).total.attempts)
    assert attempts[0] >= 1 and attempts[1] == 0


def calls_of(scene: Scene, folder: Path, owner: Owner, source: str) -> tuple[str, str]:
    """A call of that tenant which is in progress, and one that is refused; their numbers."""
    numbers = (f"+312012{secrets.randbelow(10**4):04d}0", f"+312013{secrets.randbelow(10**4):04d}0")
    host = f"{owner.label}.{scene.platform.local['base_domain']}"
    going, refused = (sipp.Caller(host=host, number=number) for number in numbers)
    edge = scene.platform.edge("eu1")
    sipp.Running(folder / f"{owner.tenant}-going", sipp.waiting_call(going), edge, 1, local_address=source)
    sipp.run(folder / f"{owner.tenant}-refused", sipp.refused_call(refused, 403, "T203"), target=edge, local_address=LISTED).must_succeed(1)
    return numbers


def test_live_pages_are_told_of_no_other_tenants_calls(scene: Scene, tmp_path: Path) -> None:
    """Their event streams from their beginning on, while both tenants have calls that go on, end and are refused."""
    platform = scene.platform
    sources = {scene.first.tenant: f"{platform.loopback}.8.66", scene.second.tenant: f"{platform.loopback}.8.67"}
    numbers: dict[str, tuple[str, str]] = {}
    with blocking_channel(platform, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        for owner in (scene.first, scene.second):
            mine: dict[str, Any] = {"metadata": (("authorization", f"Bearer {owner.key}"),), "timeout": 10}
            acl = f"{owner.acl}_LIVE"
            stub.CreateAcl(p.CreateAclRequest(acl=acl), **mine)
            stub.AddAddress(p.AddAddressRequest(acl=acl, address=sources[owner.tenant]), **mine)
            receipt = stub.AttachAcl(p.AttachAclRequest(label=owner.label, acl=acl), **mine).receipt
            assert all(each.is_applied for each in stub.WaitApplied(p.WaitAppliedRequest(position=receipt.position, pops=["eu1"]), **mine))
    paths = ("/events/home", "/events/calls")
    feeds = {(owner.tenant, path): Feed(platform, owner.key, path) for owner in (scene.first, scene.second) for path in paths}
    try:
        # The second tenant's calls come last: when its feeds tell them, they had every chance to tell the first one's.
        for owner in (scene.first, scene.second):
            numbers[owner.tenant] = calls_of(scene, tmp_path, owner, sources[owner.tenant])
            for path in paths:
                for number in numbers[owner.tenant]:
                    feed = feeds[owner.tenant, path]
                    wait_for(f"{number} in {path}", lambda feed=feed, number=number: number.encode() in feed.told)
            running = feeds[owner.tenant, "/events/calls"]
            wait_for("it in progress", lambda running=running: b'id="running-calls"' in running.told)
        for owner, other in ((scene.first, scene.second), (scene.second, scene.first)):
            for call in platform.json("call", "live", "--as-operator", "--tenant", owner.tenant):
                platform.cli("call", "hang-up", call["call"], "--as-operator")
            for path in paths:
                told = feeds[owner.tenant, path].told
                mine, theirs = (re.compile(rb"zq" + each.tenant[2:3].encode() + rb"x[0-9a-f]{6}") for each in (owner, other))
                assert mine.search(told) and not theirs.search(told), path
                for secret in (*numbers[other.tenant], other.number, other.call, sources[other.tenant]):
                    assert secret.encode() not in told, f"{path} of {owner.tenant} tells {secret}"
    finally:
        for feed in feeds.values():
            feed.close()
