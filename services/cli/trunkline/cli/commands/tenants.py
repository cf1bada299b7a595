"""`trunkline tenant`: for operators, but for what a customer may see of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import grpc.aio
from cyclopts import App, Parameter

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.confirming import agree_by_name
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, READING, WRITING, Listing, Reading, TenantName, Writing
from trunkline.cli.output import errors, plain, show_list, show_one
from trunkline.cli.writing import finish
from trunkline.runtime.errors import missing_method
from trunkline.runtime.listings import each_of

if TYPE_CHECKING:
    from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceAsyncStub

tenant = App(name="tenant", help="Tenants (operators; customers see their own).")


@tenant.command(name="list")
async def list_tenants(*, options: Listing = LISTING) -> None:
    """Lists all tenants."""
    async with session(is_operator=True) as connected:
        stub = await connected.provisioning()
        rows = [plain(row) async for row in each_of(stub.ListTenants, provisioning.ListTenantsRequest(), "tenants")]
    show_list(options.output, rows, ["id", "name", "is_suspended", "version"], nothing="no tenant yet")


async def tenant_named(stub: ProvisioningServiceAsyncStub, name: str) -> provisioning.Tenant:
    """Empty: that of the key. Raises AioRpcError."""
    try:
        return (await stub.GetTenant(provisioning.GetTenantRequest(tenant=name))).tenant
    except grpc.aio.AioRpcError as error:
        missing = missing_method(error, "provisioning", "GetTenant")
        if not missing or not name:
            raise
        # An earlier version lists them, to operators, as whole as this one shows one.
        async for each in each_of(stub.ListTenants, provisioning.ListTenantsRequest(), "tenants"):
            if each.id == name:
                return cast(provisioning.Tenant, each)
        raise CommandError(f"there is no tenant {name!r}", why=missing, code=Exit.NOT_FOUND) from error


@tenant.command(name="show")
async def show_tenant(name: TenantName = "", *, options: Reading = READING) -> None:
    """Shows a tenant, with the class of service and the limits that bound all its domains.

    Parameters
    ----------
    name: The tenant (operators); left out: that of the key that asks.
    """
    async with session(is_operator=options.as_operator or bool(name)) as connected:
        stub = await connected.provisioning()
        try:
            shown = plain(await tenant_named(stub, name or options.tenant))
        except grpc.aio.AioRpcError as error:
            missing = missing_method(error, "provisioning", "GetTenant")
            if not missing:
                raise
            shown = {"id": (await stub.WhoAmI(provisioning.WhoAmIRequest())).tenant}
            told = f"name, suspension, class of service and limits are not known: {missing}"
            errors.print(told, style="yellow", markup=False, soft_wrap=True)
        show_one(options.output, shown)


@tenant.command(name="create")
async def create_tenant(name: str, *, title: str = "", options: Writing = WRITING) -> None:
    """Creates a tenant.

    Parameters
    ----------
    name: 1 to 32 of 0-9 a-z and "-", beginning with a letter.
    title: For people.
    """
    request = provisioning.CreateTenantRequest(write=options.options(), tenant=name, name=title or name)
    async with session(is_operator=True) as connected:
        answer = await (await connected.provisioning()).CreateTenant(request)
        await finish(connected, options, f"created tenant {name}", answer.receipt, answer.tenant)


@tenant.command(name="suspend")
async def suspend_tenant(
    name: TenantName, *, ending_calls: Annotated[bool, Parameter(negative="")] = False, options: Writing = WRITING
) -> None:
    """Refuses a tenant's new calls (T603).

    Parameters
    ----------
    name: The tenant.
    ending_calls: End its calls in progress too, wherever they are.
    """
    request = provisioning.SuspendTenantRequest(write=options.options(), tenant=name, is_ending_calls=ending_calls)
    async with session(is_operator=True) as connected:
        answer = await (await connected.provisioning()).SuspendTenant(request)
        await finish(connected, options, f"suspended tenant {name}", answer.receipt, answer.tenant)


@tenant.command(name="resume")
async def resume_tenant(name: TenantName, *, options: Writing = WRITING) -> None:
    """Takes a suspended tenant's calls again.

    Parameters
    ----------
    name: The tenant.
    """
    request = provisioning.ResumeTenantRequest(write=options.options(), tenant=name)
    async with session(is_operator=True) as connected:
        answer = await (await connected.provisioning()).ResumeTenant(request)
        await finish(connected, options, f"resumed tenant {name}", answer.receipt, answer.tenant)


@tenant.command(name="erase")
async def erase_tenant(name: TenantName, *, confirm: str = "", options: Reading = READING) -> None:
    """Deletes a tenant's key in every key store, for ever (operators): its accounts' secrets can be read nowhere any more, by edges neither
    when their key cache ends at the latest. Its lists, domains and records stay. Nothing brings the key back.

    Parameters
    ----------
    name: The tenant.
    confirm: Its name again; asked for at a terminal where it is left out.
    """
    question = f"The secrets of all accounts of {name} are erased everywhere, for ever."
    agree_by_name(question, name, confirm)
    async with session(is_operator=True) as connected:
        answer = await (await connected.auth()).ForgetTenant(auth_pb2.ForgetTenantRequest(tenant=name))
    rows = [plain(store) for store in answer.stores]
    show_list(options.output, rows, ["store", "is_forgotten", "problem"], nothing="no key store")
    missing = [row for row in rows if not row["is_forgotten"]]
    if missing:
        raise CommandError(
            f"the key of {name} is not erased everywhere yet",
            why="; ".join(f"{row['store']}: {row['problem']}" for row in missing),
            remedy="it will be when the store is back; say it again to see",
            code=Exit.UNAVAILABLE,
        )
