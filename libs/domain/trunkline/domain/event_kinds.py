"""Which events concern whom."""

from __future__ import annotations

from typing import Final

from trunkline.domain.events import (
    AccountAdded,
    AccountCredentialChanged,
    AccountRemoved,
    AclCreated,
    AclDeleted,
    AddressAdded,
    AddressRemoved,
    BanExemptionApproved,
    ClaimReleased,
    ClaimTaken,
    CredentialErased,
    CredentialSet,
)

NOT_FOR_CALLS: Final = frozenset(
    {
        AclCreated,
        AclDeleted,
        AddressAdded,
        AddressRemoved,
        BanExemptionApproved,
        AccountAdded,
        AccountCredentialChanged,
        AccountRemoved,
        CredentialSet,
        CredentialErased,
        ClaimTaken,
        ClaimReleased,
    }
)
"""The engine's tables know what of it concerns calls, in a tenth of the memory; most of what is configured is of these."""
