"""Where a tenant's records are sent to: which addresses there are, and when the secret is another one."""

from __future__ import annotations

import pytest
from unit.domain.histories import History, replayed, retained

from trunkline.domain import commands as c
from trunkline.domain.errors import Refusal
from trunkline.domain.events import TenantId, WebhookSet
from trunkline.domain.webhooks import Address, address_of

ACME = TenantId("acme")
URL = "https://hooks.example.com/records"


@pytest.mark.parametrize(
    ("url", "address", "authority"),
    [
        (URL, Address(True, "hooks.example.com", 443, "/records"), "hooks.example.com"),
        ("https://h.example:8443", Address(True, "h.example", 8443, "/"), "h.example:8443"),
        ("http://192.0.2.1/a?b=c", Address(False, "192.0.2.1", 80, "/a?b=c"), "192.0.2.1"),
        ("https://[2001:db8::1]:9/x", Address(True, "2001:db8::1", 9, "/x"), "[2001:db8::1]:9"),
    ],
)
def test_an_address_is_read(url: str, address: Address, authority: str) -> None:
    assert address_of(url) == address and address.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example.com",
        "ftp://h.example/",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://user@h.example/",
        "https://user:word@h.example/",
        "https://h.example/#x",
        "https://h.example/\r\nHost: other",
        "https://h.example/ x",
        "https://hö.example/",
        "https://h.example:0/",
        "https://h.example:99999/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://h..example/",
        "https://h.example\\@other/",
        "https://[fe80::1%25eth0]/",
        f"https://h.example/{'x' * 512}",
    ],
)
def test_what_is_none_or_means_two_things_is_refused(url: str) -> None:
    with pytest.raises(Refusal) as caught:
        address_of(url)
    assert caught.value.reason == "URL_INVALID"


def test_the_secret_is_another_one_when_that_is_asked_for_and_at_first() -> None:
    history = History()
    history.execute(c.CreateTenant(ACME))
    told = []
    for command in (
        c.SetWebhook(ACME, URL),
        c.SetWebhook(ACME, URL),
        c.SetWebhook(ACME, f"{URL}2"),
        c.SetWebhook(ACME, f"{URL}2", True),
        c.SetWebhook(ACME, ""),
        c.SetWebhook(ACME, URL),
    ):
        before = len(history.facts)
        history.execute(command)
        told.append((len(history.facts) - before, history.directory.tenants[ACME].webhook))
    assert told == [
        (1, WebhookSet(URL, 1)),
        (0, WebhookSet(URL, 1)),
        (1, WebhookSet(f"{URL}2", 1)),
        (1, WebhookSet(f"{URL}2", 2)),
        (1, WebhookSet("", 2)),
        (1, WebhookSet(URL, 2)),
    ]
    assert replayed(retained(history.facts)).tenants[ACME] == history.directory.tenants[ACME]
