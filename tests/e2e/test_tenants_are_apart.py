"""One tenant never learns of another: whatever is asked with its key, over every method that there is.

Everything that the first tenant owns has a mark of its own in its name. The second one sends random requests that name its own things, the
first one's, and things that nobody has. Two properties hold: an answer or error holds no mark that the request did not hold; and to name a
thing of the first tenant is answered exactly like naming a thing that does not exist. The one exception is inherent: a label that somebody
has cannot be had.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from helpers import sipp
from helpers.dashboard import Feed, Sender
from helpers.everywhere import LISTED
from helpers.platform import Platform, wait_for
from helpers.platform_grpc import blocking_channel, operator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.records.v1 import records_pb2
from trunkline.api.routing.v1 import routing_pb2
from trunkline.dashboard.app import PAGES

SERVICES: tuple[tuple[str, ServiceDescriptor], ...] = (
    ("provisioning-eu", p.DESCRIPTOR.services_by_name["ProvisioningService"]),
    ("routing-eu", routing_pb2.DESCRIPTOR.services_by_name["RoutingService"]),
    ("records-eu", records_pb2.DESCRIPTOR.services_by_name["RecordsService"]),
    ("auth-eu", auth_pb2.DESCRIPTOR.services_by_name["AuthService"]),
    ("dns-eu", dns_pb2.DESCRIPTOR.services_by_name["DnsService"]),
    ("edge-eu1", edge_pb2.DESCRIPTOR.services_by_name["EdgeService"]),
)
METHODS: tuple[tuple[str, MethodDescriptor], ...] = tuple((process, method) for process, service in SERVICES for method in service.methods)
CREATING = ("CreateAcl", "CreateDomain")
"""A name that nobody has would be had after the first try."""
STREAM_LIMIT = 50
CALL_LIMIT_S = 1.5
DEPTH = 4
MARK = re.compile(rb"zq[a-z]x[0-9a-f]{6}")


@dataclass(frozen=True)
class Owner:
    """A tenant and all names that it has. The same fields of a `stranger` are names of the same form that nobody has."""

    tenant: str
    acl: str
    account: str
    label: str
    key_name: str
    description: str
    number: str
    address: str
    request_id: str
    call: str = ""
    key: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.tenant, self.acl, self.account, self.label, self.key_name, self.number, self.address, self.request_id, self.call)


def names_of(kind: str, *, octet: int) -> Owner:
    """Every name with a mark of its own: the third letter tells tenants' marks from one another."""

    def mark() -> str:
        return f"zq{kind}x{secrets.token_hex(3)}"

    return Owner(
        tenant=f"{mark()}-t",
        acl=f"{mark()}_ACL",
        account=f"{mark()}.user",
        label=f"{mark()}label",
        key_name=f"{mark()}-key",
        description=f"{mark()} office",
        number=f"+3120{secrets.randbelow(10**7):07d}",
        address=f"198.51.{octet}.0/24",
        request_id=f"{mark()}-request",
        call=f"{mark()}-call",
    )


def create(platform: Platform, folder: Path, owner: Owner) -> Owner:
    """The tenant with everything; its API key and the id of a refused call of its own."""
    key = f"tk_{secrets.token_urlsafe(32)}"
    with blocking_channel(platform, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        as_operator = {"metadata": operator(platform), "timeout": 10}
        stub.CreateTenant(p.CreateTenantRequest(tenant=owner.tenant, name=owner.description), **as_operator)
        hashed = hashlib.sha256(key.encode()).digest()
        stub.CreateApiKey(p.CreateApiKeyRequest(tenant=owner.tenant, name=owner.key_name, key_hash=hashed), **as_operator)
        mine: dict[str, Any] = {"metadata": (("authorization", f"Bearer {key}"),), "timeout": 10}
        stub.CreateAcl(p.CreateAclRequest(acl=owner.acl, write={"request_id": owner.request_id}), **mine)  # type: ignore[arg-type]
        stub.AddAddress(p.AddAddressRequest(acl=owner.acl, address=owner.address, description=owner.description), **mine)
        account = p.AddAccountRequest(acl=owner.acl, username=owner.account, password=secrets.token_urlsafe(16), caller_id=owner.number)
        stub.AddAccount(account, **mine)
        stub.CreateDomain(p.CreateDomainRequest(label=owner.label), **mine)
        attached = stub.AttachAcl(p.AttachAclRequest(label=owner.label, acl=owner.acl), **mine)
        for answer in stub.WaitApplied(p.WaitAppliedRequest(position=attached.receipt.position, pops=["eu1"]), **mine):
            assert answer.is_applied
    host = f"{owner.label}.{platform.local['base_domain']}"
    caller = sipp.Caller(host=host, number=owner.number, from_user=owner.account)
    refused = sipp.refused_call(caller, 403, "T203")
    sipp.run(folder / owner.tenant, refused, target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    listed = ("call", "list", "--as-operator", "--tenant", owner.tenant, "--number", owner.number)
    rows = wait_for("its record", lambda: platform.json(*listed))
    return Owner(**{**owner.__dict__, "key": key, "call": rows[0]["call"]})


@dataclass(repr=False)
class Scene:
    """`written` is what the second tenant wrote into its own things: it may read that again, whoever else uses the name."""

    platform: Platform
    first: Owner
    second: Owner
    stranger: Owner
    channels: dict[str, grpc.Channel]
    written: bytes = b""
    spent: set[str] = field(default_factory=set)
    """Request ids of others that the second tenant has used."""

    def __repr__(self) -> str:
        return f"Scene({self.first.tenant}, {self.second.tenant})"

    def ask(self, process: str, method: MethodDescriptor, request: Message, key: str) -> tuple[grpc.StatusCode, bytes, str]:
        """Status, everything that came back as bytes, and the text that a person is shown."""
        service = method.containing_service.full_name
        kinds = {
            "request_serializer": type(request).SerializeToString,
            "response_deserializer": GetMessageClass(method.output_type).FromString,
        }
        name, channel = f"/{service}/{method.name}", self.channels[process]
        meta: dict[str, Any] = {"metadata": (("authorization", f"Bearer {key}"),), "timeout": CALL_LIMIT_S}
        answers: list[Message] = []
        try:
            match method.client_streaming, method.server_streaming:
                case False, False:
                    answers.append(channel.unary_unary(name, **kinds)(request, **meta))
                case True, False:
                    answers.append(channel.stream_unary(name, **kinds)(iter([request]), **meta))
                case _:
                    stream = channel.unary_stream(name, **kinds)(request, **meta)
                    answers += itertools.islice(stream, STREAM_LIMIT)
                    stream.cancel()
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and method.server_streaming:
                return grpc.StatusCode.OK, b"".join(each.SerializeToString() for each in answers), ""
            trailing = b"".join(value if isinstance(value, bytes) else value.encode() for _, value in error.trailing_metadata() or ())
            return error.code(), (error.details() or "").encode() + trailing, error.details() or ""
        return grpc.StatusCode.OK, b"".join(each.SerializeToString() for each in answers), ""

    def owned_by_first(self) -> bytes:
        """What the first tenant reads of its own."""
        found = b""
        for process, name in (("provisioning-eu", "ListAcls"), ("provisioning-eu", "ListDomains"), ("records-eu", "ListRecords")):
            method = next(m for at, m in METHODS if at == process and m.name == name)
            status, content, _ = self.ask(process, method, GetMessageClass(method.input_type)(), self.first.key)
            assert status is grpc.StatusCode.OK
            found += content
        return found


@pytest.fixture(scope="module")
def scene(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("tenants")
    first = create(platform, folder, names_of("a", octet=7))
    second = create(platform, folder, names_of("b", octet=8))
    channels = {process: blocking_channel(platform, process) for process, _ in SERVICES}
    yield Scene(platform, first, second, names_of("c", octet=9), channels)
    for channel in channels.values():
        channel.close()


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


NAMING_NOTHING = {
    "/access/new", "/domains/new", "/keys/new", "/webhook/set", "/webhook/secret", "/webhook/secret/new", "/webhook/remove", "/account",
    "/account/delete", "/account/sessions/end-others", "/logout",
}  # fmt: skip
"""Forms that make something, or are about who sends them."""
SENT = [path for path, _, methods in PAGES if "POST" in methods and path not in NAMING_NOTHING]


@dataclass(frozen=True)
class Names:
    """What an address of the dashboard may name, and fields that are right wherever a form has them."""

    path: dict[str, str]
    fields: dict[str, str]

    @classmethod
    def of(cls, owner: Owner, key: str, session: str) -> Names:
        path = {"acl": owner.acl, "label": owner.label, "key": key, "session": session, "call": owner.call}
        named = {"acl": owner.acl, "username": owner.account, "address": owner.address, "description": owner.description}
        right = {"algorithms": "MD5", "status": "407", "pop": "", "percent": "0", "until": "1d", "sources": "account", "hiding": "default"}
        return cls(path, {**named, **right, "calls": "0", "rate": "0", "longest_s": "0", "back": "/"})

    def neutral(self, text: str) -> str:
        for name in sorted({*self.path.values(), *self.fields.values()} - {"", "/"}, key=len, reverse=True):
            text = text.replace(name, "<name>").replace(quote(name), "<name>")
        return re.sub(r"\d+", "<number>", text)


@pytest.fixture(scope="module")
def senders(scene: Scene) -> tuple[Sender, Sender, Sender]:
    """Two logins of the first tenant, and one of the second."""
    return (*(Sender(scene.platform, scene.first.key) for _ in range(2)), Sender(scene.platform, scene.second.key))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def named(scene: Scene, senders: tuple[Sender, Sender, Sender]) -> tuple[Names, Names, Names]:
    """Of the first tenant, of nobody, and of the second."""
    session = re.search(r"/account/sessions/(\w+)/end", senders[0].get("/account")[1])
    assert session is not None
    keys = {}
    for owner in (scene.first, scene.second):
        method = next(method for _, method in METHODS if method.name == "ListApiKeys")
        status, content, _ = scene.ask("provisioning-eu", method, p.ListApiKeysRequest(), owner.key)
        assert status is grpc.StatusCode.OK
        keys[owner.tenant] = p.ListApiKeysResponse.FromString(content).api_keys[0].id
    first, second = keys[scene.first.tenant], keys[scene.second.tenant]
    return (
        Names.of(scene.first, first, session[1]),
        Names.of(scene.stranger, secrets.token_hex(len(first) // 2), secrets.token_hex(len(session[1]) // 2)),
        Names.of(scene.second, second, secrets.token_hex(len(session[1]) // 2)),
    )


@pytest.mark.parametrize("route", SENT)
def test_no_form_reaches_what_another_tenant_has(
    scene: Scene, senders: tuple[Sender, Sender, Sender], named: tuple[Names, Names, Names], route: str
) -> None:
    """Whether its address or its fields name it: the answer is that for what nobody has, and nothing is changed."""
    first, nobody, second = named
    before = scene.owned_by_first(), senders[0].get("/keys")
    # A form of one's own may name another's things in its fields; that of a key or a login names nothing else.
    for whose in (None,) if re.search(r"\{(key|session)\}", route) else (None, second):
        told = []
        for other in (first, nobody):
            at = re.sub(r"\{(\w+)(:\w+)?\}", lambda place, at=(whose or other): quote(at.path[place[1]]), route)
            asked = urlencode({name: other.fields[name] for name in ("acl", "username", "address")})
            status, text = senders[2].send(f"{at}?{asked}", other.fields)
            assert whose is not None or re.search("There is no |is not in progress|has ended already", text), f"{at}: {status} {text}"
            # What was done shows a password, which is another each time.
            told.append((status, "" if status == 200 else other.neutral(text)))
        assert told[0] == told[1], route
    assert (scene.owned_by_first(), senders[0].get("/keys")) == before, f"{route} changed what is another's"
    assert [sender.get("/account")[0] for sender in senders] == [200] * 3, "all are logged in still"
