"""Access Control: lists, their addresses and accounts."""

from __future__ import annotations

import secrets

from starlette.responses import Response

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.forms import Done, Field, Form, answer_form, confirm, quoted
from trunkline.dashboard.visits import ROWS, Visit, is_own_path, write_options
from trunkline.runtime.listings import first_of

PASSWORD_BYTES = 18


async def lists(visit: Visit) -> Response:
    acls, is_cut = await first_of(visit.ask.provisioning.ListAcls, pb.ListAclsRequest(tenant=visit.tenant), "acls", ROWS)
    return visit.show("access.html", acls=acls, is_cut=is_cut)


async def one(visit: Visit) -> Response:
    answer = await visit.ask.provisioning.GetAcl(pb.GetAclRequest(tenant=visit.tenant, acl=visit.path("acl")))
    return visit.show("acl.html", acl=answer.acl)


async def add(visit: Visit) -> Response:
    form = Form(
        title="New access control list",
        action="/access/new",
        fields=[
            Field("acl", "Name", "1 to 64 letters, digits, _ and -, such as ACL_OUTBOUND_SIP_TRUNK", is_mono=True),
        ],
        submit="Create list",
        command=["acl", "create", "{acl}"],
        text="A list holds the IP addresses and accounts that may call. An empty one admits nobody.",
        back="/access",
    )

    async def send() -> Done:
        name = visit.value("acl")
        answer = await visit.ask.provisioning.CreateAcl(pb.CreateAclRequest(write=write_options(), tenant=visit.tenant, acl=name))
        return Done(f"Created {name}.", answer.receipt, f"/access/{answer.acl.name}")

    return await answer_form(visit, form, send)


async def add_address(visit: Visit) -> Response:
    name = visit.path("acl")
    form = Form(
        title=f"Add an IP address to {name}",
        action=f"/access/{name}/addresses/new",
        fields=[
            Field("address", "IP address or range", "192.0.2.1, 192.0.2.0/24 or 2001:db8::/32", is_mono=True, value=visit.query("address")),
            Field("description", "Description", "Such as Amsterdam office", is_required=False),
            Field("caller_id", "Caller ID", "E.164, such as +31201234567: the number that its calls show", is_required=False, is_mono=True),
            Field("allow_everyone", "Yes, let every address in the world in", "Only needed for a range of all addresses, /0", "check"),
        ],
        submit="Add address",
        command=[
            "acl",
            "address",
            "add",
            quoted(name),
            "{address}",
            ("--description", "{description}"),
            ("--caller-id", "{caller_id}"),
            ("--allow-everyone", "{allow_everyone?}"),
        ],
        back=f"/access/{name}",
    )

    async def send() -> Done:
        request = pb.AddAddressRequest(
            write=write_options(),
            tenant=visit.tenant,
            acl=name,
            address=visit.value("address"),
            caller_id=visit.value("caller_id"),
            description=visit.value("description"),
            allow_everyone=visit.value("allow_everyone") == "on",
        )
        answer = await visit.ask.provisioning.AddAddress(request)
        return Done(f"Added {request.address} to {name}.", answer.receipt, f"/access/{name}")

    return await answer_form(visit, form, send)


async def allow(visit: Visit) -> Response:
    """One click at a refused call: its source into a list of the domain that was called. Goes back to where it was clicked."""
    name, address, back = visit.value("acl"), visit.value("address"), visit.value("back")
    request = pb.AddAddressRequest(
        write=write_options(), tenant=visit.tenant, acl=name, address=address, description="allowed from a refused call"
    )
    answer = await visit.ask.provisioning.AddAddress(request)
    return await visit.go(back if is_own_path(back) else "/", f"{address} may call by {name} now.", answer.receipt)


async def remove_address(visit: Visit) -> Response:
    name, address = visit.path("acl"), visit.query("address") or visit.value("address")
    return await confirm(
        visit,
        f"Remove {address} from {name}?",
        "Remove address",
        ["acl", "address", "remove", quoted(name), quoted(address)],
        visit.ask.provisioning.RemoveAddress,
        pb.RemoveAddressRequest(tenant=visit.tenant, acl=name, address=address),
        f"Removed {address} from {name}.",
        f"/access/{name}",
        text="Calls from there are refused at every point of presence within milliseconds, unless another list admits them.",
        fields=[Field("address", "Address", kind="hidden", value=address)],
    )


async def add_account(visit: Visit) -> Response:
    name = visit.path("acl")
    form = Form(
        title=f"Add an account to {name}",
        action=f"/access/{name}/accounts/new",
        fields=[
            Field("username", "Username", "Such as 31000000: what the PBX signs with", is_mono=True),
            Field("caller_id", "Caller ID", "E.164, such as +31201234567: the number that its calls show", is_required=False, is_mono=True),
        ],
        submit="Add account",
        command=["account", "add", quoted(name), "{username}", ("--caller-id", "{caller_id}")],
        text="A password is made up and shown once. Only its digests are kept, sealed.",
        back=f"/access/{name}",
    )

    async def send() -> Response:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        request = pb.AddAccountRequest(
            write=write_options(),
            tenant=visit.tenant,
            acl=name,
            username=visit.value("username"),
            password=password,
            caller_id=visit.value("caller_id"),
        )
        answer = await visit.ask.provisioning.AddAccount(request)
        return _shown_once(visit, name, request.username, password, answer.receipt)

    return await answer_form(visit, form, send)


async def set_password(visit: Visit) -> Response:
    name, username = visit.path("acl"), visit.query("username") or visit.value("username")
    form = Form(
        title=f"New password for {username}?",
        action=f"/access/{name}/accounts/password",
        fields=[Field("username", "Username", kind="hidden", value=username)],
        submit="Make a new password",
        command=["account", "password", quoted(name), quoted(username)],
        text="The old one is refused from then on. The new one is shown once.",
        is_dangerous=True,
        back=f"/access/{name}",
    )

    async def send() -> Response:
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        request = pb.SetAccountPasswordRequest(write=write_options(), tenant=visit.tenant, acl=name, username=username, password=password)
        answer = await visit.ask.provisioning.SetAccountPassword(request)
        return _shown_once(visit, name, username, password, answer.receipt)

    return await answer_form(visit, form, send)


async def remove_account(visit: Visit) -> Response:
    name, username = visit.path("acl"), visit.query("username") or visit.value("username")
    return await confirm(
        visit,
        f"Remove account {username}?",
        "Remove account",
        ["account", "remove", quoted(name), quoted(username)],
        visit.ask.provisioning.RemoveAccount,
        pb.RemoveAccountRequest(tenant=visit.tenant, acl=name, username=username),
        f"Removed {username} from {name}.",
        f"/access/{name}",
        fields=[Field("username", "Username", kind="hidden", value=username)],
    )


async def delete(visit: Visit) -> Response:
    name = visit.path("acl")
    return await confirm(
        visit,
        f"Delete {name}?",
        "Delete list",
        ["acl", "delete", quoted(name)],
        visit.ask.provisioning.DeleteAcl,
        pb.DeleteAclRequest(tenant=visit.tenant, acl=name),
        f"Deleted {name}.",
        "/access",
        text="Its addresses and accounts go with it. A list that is attached to a domain is not deleted: detach it first.",
        back=f"/access/{name}",
    )


def _shown_once(visit: Visit, acl: str, username: str, password: str, receipt: common_pb2.Receipt) -> Response:
    template = "password.html" if visit.is_fragment else "password_page.html"
    return visit.show(template, acl=acl, username=username, password=password, receipt=receipt)
