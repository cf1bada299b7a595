"""From what was seen to findings. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.cli.doctor.finding import Finding, fail, ok, skip, warn

SOON_DAYS: Final = 14
"""A certificate that ends sooner should have been renewed."""
SKEW_WARN_S: Final = 2.0
SKEW_FAIL_S: Final = 20.0
"""Nonces hold for a minute and are refused from the future; a clock this far off costs calls when a client goes to another point of
presence."""
LAG_WARN: Final = 100
AGE_WARN_S: Final = 3.0
BACKLOG_WARN_BYTES: Final = 16 << 20
NAMED: Final = 5


def certificate(name: str, ends: datetime, now: datetime) -> Finding:
    """`ends` and `now` with their zone."""
    days = (ends - now).total_seconds() / 86_400
    when = ends.astimezone(UTC).strftime("%Y-%m-%d")
    if days < 0:
        return fail("certificate", name, f"ended on {when}", "renew it; services read the new file when they start again, edges at once")
    if days < SOON_DAYS:
        return warn("certificate", name, f"ends on {when}, in {days:.0f} days", "renew it before")
    return ok("certificate", name, f"good until {when}")


def clock(name: str, ahead_s: float, exact_s: float) -> Finding:
    """`ahead_s` of this machine's, known to `exact_s`."""
    off_s = abs(ahead_s)
    side = "ahead of" if ahead_s > 0 else "behind"
    text = f"{off_s:.1f} s {side} this machine's (known to {exact_s:.1f} s)"
    remedy = "set the clocks by NTP on every machine; look which of the two is wrong"
    if off_s - exact_s > SKEW_FAIL_S:
        return fail("clock", name, text, remedy)
    if off_s - exact_s > SKEW_WARN_S:
        return warn("clock", name, text, remedy)
    return ok("clock", name, f"with this machine's to {max(off_s, exact_s):.1f} s")


def pops(seen: Sequence[pb.Pop], head: int) -> Iterable[Finding]:
    """State, position, digest and backlog of each edge."""
    if not seen:
        yield fail("pop", "", "the platform has no point of presence", "start an edge for one")
    for pop in seen:
        yield _pop(pop, head)
    positions = Counter(pop.position for pop in seen if pop.is_reachable)
    for position, count in positions.items():
        digests = Counter(pop.digest for pop in seen if pop.is_reachable and pop.position == position)
        if count < 2:
            continue
        if len(digests) == 1:
            yield ok("replica", f"position {position}", f"{count} points of presence hold the same")
            continue
        usual = digests.most_common(1)[0][0]
        other = ", ".join(pop.name for pop in seen if pop.is_reachable and pop.position == position and pop.digest != usual)
        remedy = "it builds its replica anew by itself within seconds; if it does not, remove replica.sqlite of its edge and start it again"
        yield fail("replica", f"position {position}", f"{other} holds something else than the others", remedy)


def _pop(pop: pb.Pop, head: int) -> Finding:
    if not pop.is_reachable:
        return fail("pop", pop.name, f"does not answer: {pop.problem}", f"is {pop.edge} running, and can provisioning reach it?")
    if pop.state not in ("READY", "DRAINING", "STANDBY"):
        remedy = "it asks auth and routing for each call until its replica is whole: are NATS and home reachable from there?"
        return fail("pop", pop.name, f"is {pop.state}", remedy)
    if pop.state == "DRAINING":
        return warn("pop", pop.name, f"is being emptied, {pop.live_calls} calls in progress", f"trunkline pop undrain {pop.name}")
    if pop.health == "down":
        return fail("pop", pop.name, f"DNS leaves it out{_why(pop)}", "look at its SIP ports below, and at its network")
    if pop.without_transports:
        text = f"DNS leaves out {' and '.join(each.upper() for each in pop.without_transports)} there{_why(pop)}"
        return warn("pop", pop.name, text, "look at its SIP ports below, and at what stands before them")
    if not pop.is_log_connected or pop.age_s > AGE_WARN_S or pop.age_s < 0:
        text = f"does not hear the log{f' since {pop.age_s:.0f} s' if pop.age_s >= 0 else ''}: it goes on with what it knows"
        return warn("pop", pop.name, text, "is the link to home up, and NATS there?")
    if pop.lag > LAG_WARN or head - pop.position > LAG_WARN:
        return warn("pop", pop.name, f"is {max(pop.lag, head - pop.position)} commits behind", "wait; if it grows, look at its load")
    if pop.journal_backlog_bytes > BACKLOG_WARN_BYTES:
        text = f"holds {pop.journal_backlog_bytes >> 20} MiB of call facts that the stream has not taken"
        return warn("pop", pop.name, text, "is NATS of its region up, and has its disk room?")
    return ok("pop", pop.name, f"{pop.state}, position {pop.position}")


def _why(pop: pb.Pop) -> str:
    """Operators are told, customers are not."""
    return f": {pop.health_reason}" if pop.health_reason else ""


def access(acls: Sequence[pb.Acl], domains: Sequence[pb.Domain]) -> Iterable[Finding]:
    """Lists without effect, domains that refuse everybody, and what the service warns of."""
    for domain in domains:
        attached = [acl for acl in acls if acl.name in domain.acls]
        if not domain.acls:
            yield warn("access", domain.label, "has no ACL: every call is refused (T201)", f"trunkline domain attach {domain.label} ACL")
        elif not any(acl.addresses or acl.accounts for acl in attached):
            remedy = f"trunkline acl address add {domain.acls[0]} ADDRESS"
            yield warn("access", domain.label, "has empty ACLs alone: every call is refused (T201)", remedy)
        else:
            for text in domain.warnings:
                yield warn("access", domain.label, text, f"trunkline domain show {domain.label}")
    for acl in acls:
        if not acl.attached_domains:
            yield warn("access", acl.name, "is attached to no domain: it has no effect", f"trunkline domain attach LABEL {acl.name}")
        elif not (acl.addresses or acl.accounts):
            yield warn("access", acl.name, "is empty: it admits nobody", f"trunkline acl address add {acl.name} ADDRESS")
        else:
            for text in acl.warnings:
                yield warn("access", acl.name, text, f"trunkline acl show {acl.name}")
    if domains:
        yield ok("access", "", f"{len(domains)} domains and {len(acls)} ACLs were looked at")
    else:
        yield warn("access", "", "there is no domain", "trunkline domain create LABEL")


def bans(banned: Sequence[auth_pb2.Ban], acls: Sequence[tuple[str, pb.Acl]]) -> Iterable[Finding]:
    """Bans that touch what somebody lists. `acls` with the tenant of each."""
    hit = 0
    networks = [(ipaddress.ip_network(ban.cidr), ban) for ban in banned]
    for tenant, acl in acls:
        for address in acl.addresses:
            listed = ipaddress.ip_network(address.cidr)
            for network, ban in networks:
                if network.version != listed.version or not network.overlaps(listed):
                    continue
                hit += 1
                if hit <= NAMED:
                    where = f"{address.cidr} of {acl.name} ({tenant})" if tenant else f"{address.cidr} of {acl.name}"
                    text = f"{where} meets the ban of {ban.cidr}: {ban.reason}"
                    remedy = f"trunkline ban lift {ban.cidr}; domains that list so narrow a range are heard all the same"
                    yield warn("ban", ban.cidr, text, remedy)
    if hit > NAMED:
        yield warn("ban", "", f"{hit - NAMED} more bans meet listed addresses", "trunkline ban list")
    if not hit:
        yield ok("ban", "", f"none of {len(banned)} bans meets a listed address")


def names(answer: dns_pb2.GetDriftResponse) -> Iterable[Finding]:
    """Of the last comparison of each name server; it was mended."""
    if not answer.holders:
        yield warn("dns", "", "nobody holds the zones", "set a driver: docs/dns.md")
    for holder in answer.holders:
        if holder.problem:
            yield fail("dns", holder.name, holder.problem, "trunkline dns drift; is the name server up, and the key right?")
        elif holder.drift_total:
            text = f"held {holder.drift_total} record sets that were not ours at the last comparison"
            yield warn("dns", holder.name, text, "it is mended; see who else has the key: trunkline dns drift")
        else:
            yield ok("dns", holder.name, f"as it should be, by position {holder.position}")


def options(name: str, transport: str, status: int, took_ms: float, problem: str) -> Finding:
    """`status` 0: there was no answer, and `problem` says why."""
    what = f"{name}/{transport}"
    match status:
        case 200:
            return ok("sip", what, f"OPTIONS answered in {took_ms:.0f} ms")
        case 503:
            return warn("sip", what, "OPTIONS answered 503: it is being emptied", f"trunkline pop undrain {name}")
        case 0:
            return fail("sip", what, problem, "is the edge running, and does a firewall let SIP through from here?")
        case _:
            return warn("sip", what, f"OPTIONS answered {status}", "look at the edge's log")


def denied(check: str) -> Finding:
    return skip(check, "", "this key may not ask for it", "ask with the operator's key: --as-operator")
