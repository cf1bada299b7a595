"""The dashboard of a platform, in Debian's Chromium."""

from __future__ import annotations

import hashlib
import http.client
import http.cookiejar
import json
import os
import re
import secrets
import shlex
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from helpers.platform import BIN, Platform
from helpers.platform_grpc import blocking_channel, operator
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parent.parent / "vendor" / "axe.min.js"
LIMIT_MS = 15_000
FEED_S = 60
"""Between two pieces of a feed: it says every few seconds that it is there."""


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            browser.close()


class Operator:
    """Provisioning without an event loop, which Playwright's would be in the way of."""

    def __init__(self, platform: Platform) -> None:
        self._stub = ProvisioningServiceStub(blocking_channel(platform, "provisioning-eu"))
        self._key = operator(platform)

    def ask(self, method: str, request: Any) -> Any:
        return getattr(self._stub, method)(request, metadata=self._key, timeout=20)

    def new_tenant(self, name: str, title: str = "") -> str:
        """Its API key."""
        self.ask("CreateTenant", pb.CreateTenantRequest(tenant=name, name=title or name))
        return self.new_key(name, "test")

    def new_key(self, tenant: str, name: str, scopes: Sequence[str] = ()) -> str:
        key = f"tk_{secrets.token_urlsafe(32)}"
        hashed = hashlib.sha256(key.encode()).digest()
        self.ask("CreateApiKey", pb.CreateApiKeyRequest(tenant=tenant, name=name, key_hash=hashed, scopes=scopes))
        return key


def login_link(platform: Platform, key: str) -> str:
    request = urllib.request.Request(
        f"{platform.local['dashboard']}/links", method="POST", data=b"", headers={"Authorization": f"Bearer {key}"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=15) as answer:
        return str(json.load(answer)["url"])


class Sender:
    """Forms sent without a browser, by who is logged in with this key, or by this one-time link."""

    def __init__(self, platform: Platform, key: str, link: str = "") -> None:
        self._base = str(platform.local["dashboard"])
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(), _Stay())
        status, told = self._ask(urllib.request.Request(link or login_link(platform, key), method="POST", data=b""))
        assert status == 303, f"{status} {told}"
        token = re.search(r'name="csrf" value="(\w+)"', self.get("/account")[1])
        assert token is not None
        self._csrf = token[1]

    def get(self, path: str) -> tuple[int, str]:
        """Status, and the page or where it leads to."""
        return self._ask(urllib.request.Request(self._base + path))

    def send(self, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
        """As `get`."""
        data = urlencode({**fields, "csrf": self._csrf}).encode()
        return self._ask(urllib.request.Request(self._base + path, method="POST", data=data))

    def _ask(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["location"] or error.read().decode()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Where an answer leads to is an answer."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Feed:
    """A live page's event stream, read by itself from a login on; `close` it."""

    def __init__(self, platform: Platform, key: str, path: str) -> None:
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))
        opener.open(urllib.request.Request(login_link(platform, key), method="POST", data=b""), timeout=15).close()
        asked = urllib.request.Request(f"{platform.local['dashboard']}{path}", headers={"Accept": "text/event-stream"})
        self._stream = opener.open(asked, timeout=FEED_S)
        self._socket: socket.socket = self._stream.fp.raw._sock
        self._lines: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError, ValueError, http.client.HTTPException):
            for line in self._stream:
                self._lines.append(line)

    @property
    def told(self) -> bytes:
        """All of it so far."""
        return b"".join(self._lines)

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self._stream.close()


class Visitor:
    """A browser's window, and what went wrong in it: script errors, refused scripts, pop-ups of alert()."""

    def __init__(self, browser: Browser, platform: Platform, *, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        self.base = str(platform.local["dashboard"])
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        self.context.set_default_timeout(LIMIT_MS)
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"alert: {dialog.message}"), dialog.dismiss()))

    def _heard(self, kind: str, text: str) -> None:
        # What was answered 4xx on purpose is said there too.
        if kind == "error" and "Failed to load resource" not in text:
            self.wrong.append(f"console: {text}")

    def enter(self, platform: Platform, key: str) -> None:
        self.page.goto(login_link(platform, key))
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"{self.base}/**")

    def go(self, path: str) -> None:
        answer = self.page.goto(self.base + path)
        assert answer is not None and answer.status == 200, f"{path}: {answer and answer.status}"

    def close(self) -> None:
        self.context.close()


class Customer:
    """A browser and a command, both with this key alone; `folder` is the command's."""

    def __init__(self, browser: Browser, platform: Platform, folder: Path, key: str) -> None:
        self.key = key
        self.window = Visitor(browser, platform)
        self.window.enter(platform, key)
        local = {**platform.local, "demo": {"api_key": key}}
        del local["operator"]
        folder.mkdir()
        (folder / "local.json").write_text(json.dumps(local))
        self.around = {**os.environ, "TRUNKLINE_STATE": str(folder), "NO_COLOR": "1", "COLUMNS": "200"}

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(line)
        more = ["--no-follow"] if words[1:3] == ["events", "tail"] else []
        command = [BIN / "trunkline", *words[1:], *more]
        return subprocess.run(command, env=self.around, capture_output=True, text=True, timeout=60, check=False)


def place(platform: Platform, label: str, username: str, password: str, source: str) -> None:
    """A call of a fifth of a second, or its refusal."""
    platform.cli(
        "call", "place", "+31201234100", "--as", f"{label}/{username}", "--password", password, "--pop", "eu1",
        "--from-address", source, "--hold", "0.2", check=False,
    )  # fmt: skip


def axe_violations(page: Page, within: str = "html") -> list[str]:
    """WCAG 2.2 AA and good practice, as axe-core finds it, in the element of this selector."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    return list(page.evaluate(_AXE_RUN, within))


_AXE_RUN = """
(within) => axe.run(document.querySelector(within), {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
}).then((found) =>
  found.violations.map((rule) => {
    const places = rule.nodes.map((node) => `${node.target.join(' ')} ${node.any.map((each) => each.message).join(', ')}`);
    return `${rule.id}: ${rule.help}: ${places.join(' | ')}`;
  }))
"""
