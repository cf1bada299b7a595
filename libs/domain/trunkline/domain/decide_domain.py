"""Customers' domains: from commands to events."""

from __future__ import annotations

from typing import Final

from trunkline.domain import names
from trunkline.domain.caller_ids import CALLER_ID_SOURCES
from trunkline.domain.commands import (
    AttachAcl,
    CreateDomain,
    DeleteDomain,
    DetachAcl,
    SetCapture,
    SetDigestPolicy,
    SetIdentityPolicy,
    SetNearestPop,
)
from trunkline.domain.decide_access import enumerated, existing_acl, existing_tenant
from trunkline.domain.decision import ClaimChange, Decision, label_claim, whole_tenant
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, already_exists, failed_precondition, invalid, not_found
from trunkline.domain.events import (
    AclAttached,
    AclDetached,
    AclName,
    CaptureSet,
    ClaimReleased,
    ClaimTaken,
    DigestPolicySet,
    DomainCreated,
    DomainDeleted,
    DomainLabel,
    Event,
    IdentityPolicy,
    IdentityPolicySet,
    Kind,
    NearestPopSet,
    TenantId,
)
from trunkline.domain.identity import DOMAIN_HIDING
from trunkline.domain.numbers import is_prefix
from trunkline.domain.views import Capture, DigestPolicy, Domain

ALGORITHMS: Final = ("MD5", "SHA-256", "SHA-512-256")
CHALLENGE_STATUSES: Final = (407, 401)
MAX_DOMAINS = 10_000
"""Of one tenant."""
MAX_PERCENT: Final = 100
MAX_CAPTURE_S: Final = 7 * 86_400
"""As long as records keep messages by themselves: who forgets to end it fills a disk for a week."""
MAX_ATTACHED_ACLS = 64
"""To one domain: the access rule looks at each of them for every call."""
MAX_ALLOWED_CALLER_IDS = 1_000
"""Of one domain: they are compared with what a caller asks for."""


def create_domain(directory: Directory, command: CreateDomain) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    label = names.domain_label(command.label)
    if names.is_reserved_label(label):
        raise already_exists("LABEL_RESERVED", "label", f'The label "{label}" belongs to the platform.', "Choose another.")
    claim = label_claim(label)
    holder = directory.claims.get(claim)
    if holder is not None:
        whose = "exists" if holder.owner_tenant == tenant else "is taken"
        raise already_exists("LABEL_TAKEN", "label", f'The label "{label}" {whose}.', "Choose another.")
    if len(directory.domains(tenant)) >= MAX_DOMAINS:
        raise failed_precondition("TOO_MANY_DOMAINS", f"The tenant has {MAX_DOMAINS} domains.", "Delete those that are not in use.")
    taken = ClaimChange(claim, ClaimTaken(tenant, Kind.DOMAIN.value, label))
    return Decision(Kind.DOMAIN, tenant, label, (DomainCreated(label),), claims=(taken,))


def delete_domain(directory: Directory, command: DeleteDomain) -> Decision:
    domain = existing_domain(directory, command.tenant, command.label)
    if domain.acls:
        raise failed_precondition(
            "DOMAIN_HAS_ACLS",
            f'The domain "{domain.label}" still has {enumerated("ACL", domain.acls)} attached.',
            "Detach first.",
            {"acls": ",".join(domain.acls)},
        )
    released = ClaimChange(label_claim(domain.label), ClaimReleased())
    return Decision(Kind.DOMAIN, domain.tenant, domain.label, (DomainDeleted(),), claims=(released,))


def attach_acl(directory: Directory, command: AttachAcl) -> Decision:
    domain = existing_domain(directory, command.tenant, command.label)
    acl = existing_acl(directory, command.tenant, command.acl)
    if acl.name in domain.acls:
        raise already_exists("ACL_IS_ATTACHED", "acl", f'The ACL "{acl.name}" is attached to the domain "{domain.label}" already.')
    if len(domain.acls) >= MAX_ATTACHED_ACLS:
        raise failed_precondition(
            "TOO_MANY_ATTACHED", f'The domain "{domain.label}" has {MAX_ATTACHED_ACLS} ACLs.', "Put entries into one of them."
        )
    # The ACL could be deleted meanwhile.
    return _on_domain(domain, AclAttached(acl.name), guards=(whole_tenant(domain.tenant),))


def detach_acl(directory: Directory, command: DetachAcl) -> Decision:
    domain = existing_domain(directory, command.tenant, command.label)
    if AclName(command.acl) not in domain.acls:
        raise not_found("ACL_NOT_ATTACHED", "acl", f'The ACL {command.acl[:64]!r} is not attached to the domain "{domain.label}".')
    return _on_domain(domain, AclDetached(command.acl))


def set_digest_policy(directory: Directory, command: SetDigestPolicy) -> Decision:
    domain = existing_domain(directory, command.tenant, command.label)
    algorithms, status = command.algorithms, command.challenge_status or CHALLENGE_STATUSES[0]
    if not algorithms or len(set(algorithms)) != len(algorithms) or not set(algorithms) <= set(ALGORITHMS):
        raise invalid(
            "ALGORITHMS_INVALID",
            "algorithms",
            f"The algorithms are one or more of {', '.join(ALGORITHMS)}, each once, most preferred first.",
        )
    if status not in CHALLENGE_STATUSES:
        raise invalid("CHALLENGE_STATUS_INVALID", "challenge_status", f"A challenge is 407 or 401, not {status}.")
    if domain.digest == DigestPolicy(algorithms, status, command.is_qop_optional):
        return _on_domain(domain)
    return _on_domain(domain, DigestPolicySet(algorithms, status, command.is_qop_optional))


def set_identity_policy(directory: Directory, command: SetIdentityPolicy) -> Decision:
    domain = existing_domain(directory, command.tenant, command.label)
    asked = command.policy
    if len(set(asked.sources)) != len(asked.sources) or not set(asked.sources) <= set(CALLER_ID_SOURCES):
        raise invalid("SOURCES_INVALID", "sources", f"Sources are some of {', '.join(CALLER_ID_SOURCES)}, each once, in the order wanted.")
    if len(asked.allowed_caller_ids) > MAX_ALLOWED_CALLER_IDS:
        raise invalid(
            "TOO_MANY_CALLER_IDS",
            "allowed_caller_ids",
            f"At most {MAX_ALLOWED_CALLER_IDS} numbers.",
            "Give a common beginning, such as +3120*.",
        )
    if asked.hiding not in ("", *DOMAIN_HIDING):
        raise invalid("HIDING_INVALID", "hiding", f"{asked.hiding[:16]!r} is none of {', '.join(DOMAIN_HIDING)}.")
    policy = IdentityPolicy(
        asked.sources,
        tuple(sorted({_allowed_caller_id(text) for text in asked.allowed_caller_ids})),
        names.caller_id(asked.default_caller_id, "default_caller_id"),
        asked.is_refusing,
        asked.shows_callee,
        asked.hiding,
    )
    return _on_domain(domain) if policy == domain.identity else _on_domain(domain, IdentityPolicySet(policy))


def set_nearest_pop(directory: Directory, command: SetNearestPop) -> Decision:
    domain = existing_domain(directory, command.tenant, command.label)
    if command.pop and command.pop not in command.pops:
        why = f"There is no point of presence {command.pop[:32]!r}."
        raise not_found("POP_NOT_FOUND", "pop", why, f"There are: {', '.join(command.pops)}.")
    return _on_domain(domain) if command.pop == domain.nearest_pop else _on_domain(domain, NearestPopSet(command.pop))


def set_capture(directory: Directory, command: SetCapture) -> Decision:
    domain = existing_domain(directory, command.tenant, command.label)
    if not 0 <= command.percent <= MAX_PERCENT:
        raise invalid("PERCENT_INVALID", "percent", f"{command.percent} is not 0 to {MAX_PERCENT}; 0 ends it.")
    if command.percent == 0:
        return _on_domain(domain, *([CaptureSet()] if domain.capture.percent else []))
    if not command.now_s < command.until_s <= command.now_s + MAX_CAPTURE_S:
        raise invalid("UNTIL_INVALID", "until", "Capturing ends in the future, and at most seven days away.", "Name such a time.")
    asked = Capture(command.percent, command.until_s)
    return _on_domain(domain) if asked == domain.capture else _on_domain(domain, CaptureSet(asked.percent, asked.until_s))


def existing_domain(directory: Directory, tenant: TenantId, label: str) -> Domain:
    """Raises Refusal where the tenant has none of that label; that another tenant has one makes no difference."""
    existing_tenant(directory, tenant)
    domain = directory.domain(tenant, DomainLabel(label.lower()))
    if domain is None:
        raise domain_not_found(label)
    return domain


def domain_not_found(label: str) -> Refusal:
    return not_found("DOMAIN_NOT_FOUND", "label", f"There is no domain {label[:64]!r}.")


def _allowed_caller_id(text: str) -> str:
    if text and not text.endswith("*"):
        return names.caller_id(text, "allowed_caller_ids")
    digits = text[:-1].removeprefix("+")
    if not is_prefix(digits):
        raise invalid("CALLER_ID_INVALID", "allowed_caller_ids", f"{text[:32]!r} is no beginning of an E.164 number, such as +3120*.")
    return f"+{digits}*"


def _on_domain(domain: Domain, *events: Event, guards: tuple[str, ...] = ()) -> Decision:
    return Decision(Kind.DOMAIN, domain.tenant, domain.label, events, guards=guards)
