"""What explain is asked: checks, the changes that are assumed, and the call as the edge would know it."""

from __future__ import annotations

from typing import Final

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.errors import invalid
from trunkline.domain.policy import AdmittedCall
from trunkline.domain.scene import AddAccount, AddAddress, Allow, Attach, Change, Detach, RemoveAccount, RemoveAddress, Scene

MAX_CHANGES: Final = 16
MAX_VALUES: Final = 8
"""Of Privacy, and of the identity headers."""
TEXT_LIMIT: Final = 512
"""Of one value, in characters."""
DESCRIBING: Final = ("domain", "source", "username", "is_password_right", "number", "from_uri", "privacy", "hints", "pop")
"""Fields that describe a call by hand."""


def check(request: pb.ExplainRequest) -> None:
    """Bounds of a request. Raises Refusal."""
    if len(request.changes) > MAX_CHANGES:
        raise invalid("TOO_MANY_CHANGES", "changes", f"{len(request.changes)} changes; at most {MAX_CHANGES} are assumed at once.")
    for field in ("privacy", "hints"):
        values = getattr(request, field)
        if len(values) > MAX_VALUES:
            raise invalid("TOO_MANY_VALUES", field, f"{len(values)} values; at most {MAX_VALUES} are looked at.")
    texts = (request.domain, request.source, request.username, request.number, request.from_uri, request.pop)
    if any(len(text) > TEXT_LIMIT for text in (*texts, *request.privacy, *request.hints)):
        raise invalid("TEXT_TOO_LONG", "", f"a field of a call that is explained has at most {TEXT_LIMIT} characters")
    if request.call and request.HasField("record"):
        raise invalid("CALL_GIVEN_TWICE", "call", "A call is named, or its record is given; not both.")
    if request.call:
        beside = [name for name in DESCRIBING if getattr(request, name)]
        if beside:
            message = f"A call that happened is named, whose record says: {', '.join(beside)}."
            raise invalid("CALL_DESCRIBED_TOO", beside[0], message, "Leave that out, or describe a call by hand, without `call`.")
    if request.is_now and (request.WhichOneof("at") is not None or not (request.call or request.HasField("record"))):
        raise invalid("NOW_OF_NOTHING", "is_now", "It is for a call that happened, and goes with neither a position nor a time.")


def change_of(message: pb.ExplainChange) -> Change:
    """Raises Refusal for a change that names nothing, or that a newer client knows."""
    match message.WhichOneof("change"):
        case "add_address":
            return AddAddress(message.add_address.acl, message.add_address.entry, message.add_address.caller_id)
        case "remove_address":
            return RemoveAddress(message.remove_address.acl, message.remove_address.entry)
        case "add_account":
            return AddAccount(message.add_account.acl, message.add_account.entry, message.add_account.caller_id)
        case "remove_account":
            return RemoveAccount(message.remove_account.acl, message.remove_account.entry)
        case "attach_acl":
            return Attach(message.attach_acl)
        case "detach_acl":
            return Detach(message.detach_acl)
        case "allow_prefix":
            return Allow(prefix=message.allow_prefix)
        case "allow_country":
            return Allow(country=message.allow_country)
        case "allow_premium":
            return Allow(premium=message.allow_premium)
        case _:
            raise invalid("CHANGE_UNKNOWN", "changes", "A change names nothing that this service knows.")


def admitted(
    question: pb.ExplainRequest, scene: Scene, *, host: str, account: str, account_caller_id: str, address_caller_id: str
) -> AdmittedCall:
    """The call as it would be if it were let in. Without a From of its own it has the account's at the domain."""
    return AdmittedCall(
        scene.domain.tenant,
        scene.domain.label,
        host,
        question.number,
        account,
        account_caller_id,
        question.from_uri or f"sip:{account or scene.domain.label}@{host}",
        tuple(question.privacy),
        tuple(question.hints),
        address_caller_id,
    )
