"""One customer's forms reach nothing of another's: each of the list of the dashboard's routes."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import grpc
import pytest
from helpers.dashboard import Sender
from helpers.platform import Platform
from helpers.tenants import METHODS, Owner, Scene, two_tenants

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.dashboard.app import PAGES

LEAK = re.compile(rb"zqax[0-9a-f]{6}")
"""The first tenant's marks."""


@pytest.fixture(scope="module")
def scene(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with two_tenants(platform, tmp_path_factory.mktemp("tenants")) as found:
        yield found


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
            page = senders[2].get(text)[1] if status == 303 else text
            # What it wrote into its own things it reads again.
            scene.written += f"{at}?{asked} {urlencode(other.fields)} ".encode()
            leaked = set(LEAK.findall(page.encode())) - set(LEAK.findall(scene.written))
            assert not leaked, f"{at} tells {leaked}"
            for secret in (scene.first.number, scene.first.address, scene.first.call):
                assert secret not in html.unescape(page) or quote(secret, safe="").encode() in scene.written, f"{at} tells {secret}"
            # What was done shows a password, which is another each time.
            told.append((status, "" if status == 200 else other.neutral(text)))
        assert told[0] == told[1], route
    assert (scene.owned_by_first(), senders[0].get("/keys")) == before, f"{route} changed what is another's"
    assert [sender.get("/account")[0] for sender in senders] == [200] * 3, "all are logged in still"
