"""SIP Trunks → Domains: names, attached lists, what to paste into a PBX."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.forms import Done, Field, Form, answer_form, confirm, quoted, whole
from trunkline.dashboard.pages.service import DEFAULT_SOURCES
from trunkline.dashboard.unanswered import unanswered
from trunkline.dashboard.visits import ROWS, Visit, write_options
from trunkline.runtime.listings import each_of, first_of

PBXS = (("asterisk", "Asterisk"), ("freeswitch", "FreeSWITCH"), ("3cx", "3CX"), ("kamailio", "Kamailio"), ("baresip", "baresip"))
TRANSPORTS = (("tls", "TLS"), ("tcp", "TCP"), ("udp", "UDP"))
ALGORITHMS = (
    ("MD5", "MD5: every client knows it"),
    ("SHA-256 MD5", "SHA-256, then MD5"),
    ("SHA-512-256 SHA-256 MD5", "SHA-512-256, SHA-256, then MD5"),
    ("SHA-256", "SHA-256 only"),
)
CHALLENGED_S = 24 * 3600


async def domains(visit: Visit) -> Response:
    found, is_cut = await first_of(visit.ask.provisioning.ListDomains, pb.ListDomainsRequest(tenant=visit.tenant), "domains", ROWS)
    return visit.show("domains.html", domains=found, is_cut=is_cut)


async def one(visit: Visit) -> Response:
    label = visit.path("label")
    domain = (await visit.ask.provisioning.GetDomain(pb.GetDomainRequest(tenant=visit.tenant, label=label))).domain
    names, acls, limits, challenged = await asyncio.gather(
        visit.ask.dns.ListNames(dns_pb2.ListNamesRequest(tenant=visit.tenant, label=label)),
        _free_acls(visit, domain),
        visit.ask.provisioning.GetLimitUse(pb.GetLimitUseRequest(tenant=visit.tenant)),
        unanswered(visit, [domain], CHALLENGED_S, domain.label),
    )
    uses = {use.label: use for use in limits.uses}
    return visit.show("domain.html", domain=domain, names=names.names, free=acls, uses=uses, sources=DEFAULT_SOURCES, unanswered=challenged)


async def _free_acls(visit: Visit, domain: pb.Domain) -> list[pb.Acl]:
    """Those that may still be attached."""
    found = each_of(visit.ask.provisioning.ListAcls, pb.ListAclsRequest(tenant=visit.tenant), "acls", limit=ROWS)
    return [acl async for acl in found if acl.name not in domain.acls]


async def add(visit: Visit) -> Response:
    form = Form(
        title="New domain",
        action="/domains/new",
        fields=[Field("label", "Name", "1 to 63 of 0-9 and a-z, such as acme: it becomes acme.sip.…", is_mono=True)],
        submit="Create domain",
        command=["domain", "create", "{label}"],
        text="Your PBX sends its calls to a name of your own; every point of presence answers to it within milliseconds.",
        back="/domains",
    )

    async def send() -> Done:
        request = pb.CreateDomainRequest(write=write_options(), tenant=visit.tenant, label=visit.value("label"))
        answer = await visit.ask.provisioning.CreateDomain(request)
        return Done(f"Created {answer.domain.hostname}.", answer.receipt, f"/domains/{answer.domain.label}")

    return await answer_form(visit, form, send)


async def attach(visit: Visit) -> Response:
    label = visit.path("label")
    domain = (await visit.ask.provisioning.GetDomain(pb.GetDomainRequest(tenant=visit.tenant, label=label))).domain
    free = await _free_acls(visit, domain)
    form = Form(
        title=f"Attach a list to {label}",
        action=f"/domains/{label}/attach",
        fields=[
            Field(
                "acl", "Access control list", kind="select", options=[(acl.name, _contents(acl)) for acl in free], value=visit.query("acl")
            )
        ],
        submit="Attach list",
        command=["domain", "attach", quoted(label), "{acl}"],
        text="A list with addresses admits by address, one with accounts by password, one with both demands both. One met is enough.",
        back=f"/domains/{label}",
    )

    async def send() -> Done:
        request = pb.AttachAclRequest(write=write_options(), tenant=visit.tenant, label=label, acl=visit.value("acl"))
        answer = await visit.ask.provisioning.AttachAcl(request)
        return Done(f"Attached {request.acl} to {answer.domain.hostname}.", answer.receipt, f"/domains/{label}")

    return await answer_form(visit, form, send)


def _contents(acl: pb.Acl) -> str:
    addresses, accounts = len(acl.addresses), len(acl.accounts)
    if not addresses and not accounts:
        return f"{acl.name} (empty: admits nobody)"
    kinds = [f"{addresses} address{'es' if addresses != 1 else ''}"] if addresses else []
    kinds += [f"{accounts} account{'s' if accounts != 1 else ''}"] if accounts else []
    return f"{acl.name} ({' and '.join(kinds)})"


async def detach(visit: Visit) -> Response:
    label, acl = visit.path("label"), visit.query("acl") or visit.value("acl")
    return await confirm(
        visit,
        f"Detach {acl} from {label}?",
        "Detach list",
        ["domain", "detach", quoted(label), quoted(acl)],
        visit.ask.provisioning.DetachAcl,
        pb.DetachAclRequest(tenant=visit.tenant, label=label, acl=acl),
        f"Detached {acl}.",
        f"/domains/{label}",
        text="Who is admitted by this list only is refused from then on. Calls in progress go on.",
        fields=[Field("acl", "List", kind="hidden", value=acl)],
    )


async def digest(visit: Visit) -> Response:
    label = visit.path("label")
    domain = (await visit.ask.provisioning.GetDomain(pb.GetDomainRequest(tenant=visit.tenant, label=label))).domain
    now = " ".join(domain.digest_algorithms)
    status = Field(
        "status",
        "Challenge with",
        kind="select",
        options=[("407", "407 Proxy Authentication Required"), ("401", "401 Unauthorized")],
        value=str(domain.challenge_status),
        stands_for=["challenge_status"],
    )
    options = [*ALGORITHMS, *([] if now in dict(ALGORITHMS) else [(now, now)])]
    form = Form(
        title=f"Digest authentication of {label}",
        action=f"/domains/{label}/digest",
        fields=[
            Field(
                "algorithms",
                "Algorithms, most preferred first",
                "Some clients give up on any list, others where SHA-256 stands first.",
                "select",
                options,
                now,
            ),
            status,
            Field(
                "qop",
                "Accept clients without qop",
                "Old ones; a nonce then admits one call.",
                "check",
                value="on" if domain.is_qop_optional else "",
            ),
        ],
        submit="Change",
        command=["domain", "digest", quoted(label), "{algorithms*}", "--status", "{status}", ("--qop-optional", "{qop?}")],
        back=f"/domains/{label}",
    )

    async def send() -> Done:
        request = pb.SetDigestPolicyRequest(
            write=write_options(),
            tenant=visit.tenant,
            label=label,
            algorithms=visit.value("algorithms").split(),
            challenge_status=whole(visit, status),
            is_qop_optional=visit.value("qop") == "on",
        )
        answer = await visit.ask.provisioning.SetDigestPolicy(request)
        return Done(f"{label} offers {', '.join(answer.domain.digest_algorithms)}.", answer.receipt, f"/domains/{label}")

    return await answer_form(visit, form, send)


async def nearest(visit: Visit) -> Response:
    label = visit.path("label")
    domain = (await visit.ask.provisioning.GetDomain(pb.GetDomainRequest(tenant=visit.tenant, label=label))).domain
    pops = sorted({pop.name for pop in (await visit.ask.provisioning.ListPops(pb.ListPopsRequest())).pops})
    form = Form(
        title=f"Nearest point of presence of {label}",
        action=f"/domains/{label}/nearest",
        fields=[
            Field(
                "pop",
                "Leads first to",
                kind="select",
                options=[("", "the home region's"), *((pop, pop) for pop in pops)],
                value=domain.nearest_pop,
                is_required=False,
            )
        ],
        submit="Change",
        command=["domain", "nearest", quoted(label), "{pop}"],
        text="Where the default name leads to first; the others follow, nearest to it first.",
        back=f"/domains/{label}",
    )

    async def send() -> Done:
        request = pb.SetNearestPopRequest(write=write_options(), tenant=visit.tenant, label=label, pop=visit.value("pop"))
        answer = await visit.ask.provisioning.SetNearestPop(request)
        return Done(f"{answer.domain.hostname} leads to {request.pop or 'the home region'} first.", answer.receipt, f"/domains/{label}")

    return await answer_form(visit, form, send)


async def delete(visit: Visit) -> Response:
    label = visit.path("label")
    return await confirm(
        visit,
        f"Delete {label}?",
        "Delete domain",
        ["domain", "delete", quoted(label)],
        visit.ask.provisioning.DeleteDomain,
        pb.DeleteDomainRequest(tenant=visit.tenant, label=label),
        f"Deleted {label}.",
        "/domains",
        text="Its names go out of DNS and its calls are refused. The label may be taken by anybody afterwards. "
        "A domain that has lists attached is not deleted: detach them first.",
        back=f"/domains/{label}",
    )


async def pbx(visit: Visit) -> Response:
    """Settings to paste, by the kind of PBX."""
    label = visit.path("label")
    kind, transport = visit.query("pbx", "asterisk"), visit.query("transport", "udp")
    request = dns_pb2.GetPbxSettingsRequest(
        tenant=visit.tenant, label=label, pbx=kind, transport=transport, pop=visit.query("pop"), username=visit.query("account")
    )
    answer, pops = await asyncio.gather(visit.ask.dns.GetPbxSettings(request), visit.ask.provisioning.ListPops(pb.ListPopsRequest()))
    chosen = (("--pop", request.pop), ("--account", request.username))
    options = [word for option, value in chosen if value for word in (option, quoted(value))]
    return visit.show(
        "pbx.html",
        command=visit.cli("dns", "settings", quoted(label), "--pbx", quoted(kind), "--transport", quoted(transport), *options),
        label=label,
        kind=kind,
        transport=transport,
        pop=request.pop,
        account=request.username,
        settings=answer,
        pbxs=PBXS,
        transports=TRANSPORTS,
        pops=sorted({each.name for each in pops.pops}),
    )
