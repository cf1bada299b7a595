"""A tenant's large list comes in parts that hold it whole."""

from __future__ import annotations

import pytest
from unit.domain.histories import History

from trunkline.domain import commands as c
from trunkline.domain.decide_access import SEALED_BYTES
from trunkline.domain.events import TenantId
from trunkline.provisioning import tenant_reading
from trunkline.provisioning.tenant_reading import parts_of

ACME = TenantId("acme")


@pytest.mark.parametrize("size", [1, 4, 5, 100])
def test_a_large_list_comes_in_parts_that_hold_it_whole(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(tenant_reading, "PART_ENTRIES", size)
    history = History()
    history.execute(c.CreateTenant(ACME))
    for acl in ("EMPTY", "OFFICE"):
        history.execute(c.CreateAcl(ACME, acl))
    for number in range(7):
        history.execute(c.AddAddress(ACME, "OFFICE", f"192.0.2.{number + 1}"))
    for number in range(3):
        history.execute(c.SetCredential(ACME, f"c{number}", f"user{number}", "r", "k", b"s" * SEALED_BYTES))
        history.execute(c.AddAccount(ACME, "OFFICE", f"user{number}", f"c{number}"))
    history.execute(c.CreateDomain(ACME, "acme"))
    parts = list(parts_of(history.directory, ACME, "sip.test", ("eu1",)))
    assert [part.acl.name for part in parts if part.HasField("acl")][:1] == ["EMPTY"]
    offices = [part.acl for part in parts if part.acl.name == "OFFICE"]
    assert len(offices) == -(-10 // size)
    assert [each.cidr for part in offices for each in part.addresses] == [f"192.0.2.{number + 1}/32" for number in range(7)]
    assert [each.username for part in offices for each in part.accounts] == ["user0", "user1", "user2"]
    assert parts[-1].domain.label == "acme"
