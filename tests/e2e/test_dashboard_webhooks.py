"""The dashboard's page of the webhook: from an address to records that arrive, signed with the secret that the page has shown."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator

import pytest
from helpers.dashboard import Operator, Visitor, axe_violations, place
from helpers.platform import Platform
from helpers.receiver import Received, receiving
from playwright.sync_api import Page, expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb

pytestmark = pytest.mark.timeout(300)
TENANT = "hooked"
OWN = "127.0.0.1"
PASSWORD = "long enough to be taken"


@pytest.fixture(scope="module")
def key(platform: Platform) -> str:
    operator = Operator(platform)
    made = operator.new_tenant(TENANT)
    operator.ask("CreateAcl", pb.CreateAclRequest(tenant=TENANT, acl="office"))
    operator.ask("AddAccount", pb.AddAccountRequest(tenant=TENANT, acl="office", username="31000071", password=PASSWORD))
    operator.ask("CreateDomain", pb.CreateDomainRequest(tenant=TENANT, label="hooked"))
    receipt = operator.ask("AttachAcl", pb.AttachAclRequest(tenant=TENANT, label="hooked", acl="office")).receipt
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=receipt.position)))
    return made


@pytest.fixture
def received() -> Iterator[Received]:
    with receiving(refusals=1) as made:
        yield made


def secret_by(page: Page, button: str, submit: str) -> str:
    """What the pop-up behind a button shows."""
    page.get_by_role("link", name=button).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=submit).click()
    secret = dialog.locator("#secret").inner_text()
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_be_hidden()
    return secret


def test_a_customer_says_where_records_go_and_sees_them_taken_with_the_secret_that_is_shown(
    platform: Platform, visitor: Callable[..., Visitor], key: str, received: Received
) -> None:
    window = visitor()
    page = window.page
    window.enter(platform, key)
    window.go("/webhook")
    page.get_by_role("link", name="Send records somewhere").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Address").fill("ftp://127.0.0.1/")
    dialog.get_by_role("button", name="Send records there").click()
    expect(dialog.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Address").fill(received.url)
    line = dialog.locator("[data-command]").inner_text()
    assert line.endswith(f"webhook set {received.url}"), line
    dialog.get_by_role("button", name="Send records there").click()
    secret = dialog.locator("#secret").inner_text()
    assert secret.startswith("whs_")
    assert axe_violations(page) == []
    dialog.get_by_role("button", name="Done").click()

    # The page follows the deliveries: one that is not taken, and the same again.
    expect(page.get_by_text("no call was over yet")).to_be_visible()
    assert secret not in page.content()
    place(platform, "hooked", "31000071", PASSWORD, OWN)
    expect(page.get_by_text("not taken")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("the answer was 503")).to_be_visible()
    expect(page.get_by_text("all taken")).to_be_visible(timeout=30_000)
    [(headers, body)] = received.taken
    fields = dict(part.split("=") for part in headers["Trunkline-Signature"].split(","))
    assert fields["v1"] == hmac.new(secret.encode(), f"{fields['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert [row["tenant"] for row in json.loads(body)["records"]] == [TENANT]
    assert axe_violations(page) == []

    assert secret_by(page, "Show secret", "Show") == secret
    another = secret_by(page, "New secret", "Make a new secret")
    assert another not in ("", secret) and secret_by(page, "Show secret", "Show") == another
    page.get_by_role("link", name="Remove webhook").click()
    dialog.get_by_role("button", name="Remove webhook").click()
    expect(page.get_by_text("Records go nowhere.")).to_be_visible()
    expect(page.get_by_text("Records are sent nowhere")).to_be_visible()
    assert window.wrong == []


def test_the_page_is_one_tenants_alone_and_its_secret_for_who_may_change_it(
    platform: Platform, visitor: Callable[..., Visitor], key: str, received: Received
) -> None:
    operator = Operator(platform)
    operator.ask("SetWebhook", pb.SetWebhookRequest(tenant=TENANT, url=received.url))
    other = visitor(width=390, height=844, scheme="dark")
    other.enter(platform, operator.new_tenant("unhooked"))
    other.go("/webhook")
    assert received.url not in other.page.content()
    expect(other.page.get_by_text("Records are sent nowhere")).to_be_visible()
    assert other.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe_violations(other.page) == []
    assert other.context.request.get(f"{other.base}/webhook/secret").text().count("whs_") == 0

    reader = visitor()
    reader.enter(platform, operator.new_key(TENANT, "reader", ["read"]))
    reader.go("/webhook")
    expect(reader.page.get_by_text(received.url)).to_be_visible()
    reader.page.get_by_role("link", name="Show secret").click()
    reader.page.get_by_role("dialog").get_by_role("button", name="Show").click()
    expect(reader.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("trunks:write")
    assert "whs_" not in reader.page.content()
    # Without the form's token nothing is shown, nor changed.
    assert reader.context.request.post(f"{reader.base}/webhook/secret").status == 403
    operator.ask("SetWebhook", pb.SetWebhookRequest(tenant=TENANT))
