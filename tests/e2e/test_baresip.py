"""baresip calls through the whole platform: UDP, TCP and TLS, challenged with 407 and with 401."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.baresip import Baresip, account
from helpers.platform import Platform
from helpers.trunks import Trunk, create_customer, record_of

TENANT = "desk"
USERNAME, PASSWORD, CALLER_ID = "desk", "desk-password-1", "+31205550600"
STATUSES = (407, 401)
TRANSPORTS = ("udp", "tcp", "tls")
ANSWERED = {"caller": "123", "callee": "901"}
"""The last digits of numbers that simulated carriers answer, and by whom the call is ended."""


@pytest.fixture(scope="module")
def desk(platform: Platform) -> Platform:
    """The shared platform with a domain for each status."""
    trunks = [Trunk(f"desk{status}", CALLER_ID, username=USERNAME, password=PASSWORD, challenge_status=status) for status in STATUSES]
    create_customer(platform, TENANT, trunks)
    return platform


def telephone(platform: Platform, folder: Path, status: int, transport: str) -> Baresip:
    only = account(
        f"sip:{USERNAME}@desk{status}.{platform.local['base_domain']}",
        username=USERNAME,
        password=PASSWORD,
        outbound=f"sip:{platform.local['pops']['us1'][transport]};transport={transport}",
        transport=transport,
    )
    return Baresip(folder, f"{platform.loopback}.23.1", accounts=only)


@pytest.mark.parametrize("ender", ["caller", "callee"])
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("status", STATUSES)
def test_a_call_of_baresip(desk: Platform, tmp_path: Path, status: int, transport: str, ender: str) -> None:
    host = f"desk{status}.{desk.local['base_domain']}"
    number = f"+3120{status}{TRANSPORTS.index(transport)}{ANSWERED[ender]}"
    with telephone(desk, tmp_path, status, transport) as phone:
        phone.command("dial", f"sip:{number}@{host}")
        phone.wait_for_event("CALL_ESTABLISHED")
        if ender == "caller":
            phone.command("hangup")
        phone.wait_for_event("CALL_CLOSED")
        record = record_of(desk, TENANT, number)
    assert f"SIP/2.0 {status} " in phone.output
    assert (record.outcome, record.status, record.ended_by, record.transport) == ("answered", 200, ender, transport)
    assert (record.account, record.digest_algorithm, record.caller_id) == (USERNAME, "MD5", CALLER_ID)
    assert [attempt.result for attempt in record.attempts] == ["answered"]
