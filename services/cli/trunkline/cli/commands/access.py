"""`trunkline acl` and `trunkline account`: who may place calls."""

from __future__ import annotations

import secrets
from typing import Annotated

from cyclopts import App, Parameter

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import Session, session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, READING, WRITING, AccountName, AclName, ListedAddress, Listing, Reading, Writing
from trunkline.cli.output import console, errors, plain, show_list, show_one
from trunkline.cli.writing import finish
from trunkline.runtime.listings import each_of

PASSWORD_BYTES = 18

acl = App(name="acl", help="Access control lists: addresses and accounts that may place calls.")
address = App(name="address", help="Addresses of an access control list.")
acl.command(address)
account = App(name="account", help="Accounts of an access control list.")


@acl.command(name="list")
async def list_acls(*, options: Listing = LISTING) -> None:
    """Lists the tenant's access control lists."""
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        found = each_of(stub.ListAcls, provisioning.ListAclsRequest(tenant=options.tenant), "acls")
        rows = [plain(row) async for row in found]
    short = rows if options.is_data else [_counted(row) for row in rows]
    show_list(options.output, short, ["name", "addresses", "accounts", "attached_domains", "version"], nothing="no access control list yet")


def _counted(row: dict[str, object]) -> dict[str, object]:
    addresses, accounts = row["addresses"], row["accounts"]
    assert isinstance(addresses, list)
    assert isinstance(accounts, list)
    return {**row, "addresses": str(len(addresses)), "accounts": str(len(accounts))}


async def _get(connected: Session, options: Reading, name: str) -> provisioning.Acl:
    stub = await connected.provisioning()
    return (await stub.GetAcl(provisioning.GetAclRequest(tenant=options.tenant, acl=name))).acl


@acl.command
async def show(name: AclName, *, options: Reading = READING) -> None:
    """Shows one access control list.

    Parameters
    ----------
    name: The list's name.
    """
    async with session(is_operator=options.as_operator) as connected:
        found = plain(await _get(connected, options, name))
    if options.is_data:
        show_one(options.output, found)
        return
    show_one("table", found, hidden=("addresses", "accounts", "warnings"))
    console.print()
    show_list(options.output, found["addresses"], ["cidr", "caller_id", "description"], nothing="no address")
    console.print()
    show_list(options.output, found["accounts"], ["username", "caller_id"], nothing="no account")
    for warning in found["warnings"]:
        errors.print(f"warning: {warning}", style="yellow", markup=False)


@acl.command
async def create(name: str, *, options: Writing = WRITING) -> None:
    """Creates an access control list; it admits nobody until it has an address or an account and is attached to a domain.

    Parameters
    ----------
    name: 1 to 64 of 0-9 a-z A-Z "_" and "-".
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        answer = await stub.CreateAcl(provisioning.CreateAclRequest(write=options.options(), tenant=options.tenant, acl=name))
        await finish(connected, options, f"created {name}", answer.receipt, answer.acl)


@acl.command
async def delete(name: AclName, *, options: Writing = WRITING) -> None:
    """Deletes an access control list that is attached to no domain.

    Parameters
    ----------
    name: The list's name.
    """
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        answer = await stub.DeleteAcl(provisioning.DeleteAclRequest(write=options.options(), tenant=options.tenant, acl=name))
        await finish(connected, options, f"deleted {name}", answer.receipt)


@address.command(name="add")
async def add_address(
    name: AclName,
    cidr: str,
    *,
    caller_id: str = "",
    description: str = "",
    allow_everyone: Annotated[bool, Parameter(negative="")] = False,
    options: Writing = WRITING,
) -> None:
    """Adds an address or a range.

    Parameters
    ----------
    name: The list's name.
    cidr: 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32.
    caller_id: E.164 number that calls from there show.
    description: For people.
    allow_everyone: Needed for a range of all addresses (/0).
    """
    request = provisioning.AddAddressRequest(
        write=options.options(),
        tenant=options.tenant,
        acl=name,
        address=cidr,
        caller_id=caller_id,
        description=description,
        allow_everyone=allow_everyone,
    )
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).AddAddress(request)
        await finish(connected, options, f"added {cidr} to {name}", answer.receipt, answer.acl)


@address.command(name="exempt")
async def exempt_address(name: AclName, cidr: ListedAddress, *, options: Writing = WRITING) -> None:
    """Has the domains of the list hear a range wider than /16 (IPv6: /32) even where addresses in it are banned (operators).

    Parameters
    ----------
    name: The list's name.
    cidr: As it was added.
    """
    request = provisioning.ApproveBanExemptionRequest(write=options.options(), tenant=options.tenant, acl=name, address=cidr)
    async with session(is_operator=True) as connected:
        answer = await (await connected.provisioning()).ApproveBanExemption(request)
        await finish(connected, options, f"exempted {cidr} of {name} from bans", answer.receipt, answer.acl)


@address.command(name="remove")
async def remove_address(name: AclName, cidr: ListedAddress, *, options: Writing = WRITING) -> None:
    """Removes an address or a range.

    Parameters
    ----------
    name: The list's name.
    cidr: As it was added.
    """
    request = provisioning.RemoveAddressRequest(write=options.options(), tenant=options.tenant, acl=name, address=cidr)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).RemoveAddress(request)
        await finish(connected, options, f"removed {cidr} from {name}", answer.receipt, answer.acl)


def _chosen(password: str, options: Writing) -> str:
    """Made up where none is given. Raises CommandError where a repeated request would get another one."""
    if options.request_id and not password:
        raise CommandError(
            "a request with an id of its own needs its password",
            why="repeated, it would make up another, which would not be the account's",
            remedy="give one with --password, or leave out --request-id",
            code=Exit.USAGE,
        )
    return password or secrets.token_urlsafe(PASSWORD_BYTES)


def _told(password: str, username: str) -> None:
    """Not on standard output, which may be a file."""
    errors.print(f"password of {username}: {password}   (shown this once; it is stored nowhere)", markup=False)


@account.command(name="add")
async def add_account(name: AclName, username: str, *, password: str = "", caller_id: str = "", options: Writing = WRITING) -> None:
    """Adds an account; without a password one is made up and shown once.

    Parameters
    ----------
    name: The list's name.
    username: 1 to 64 of 0-9 a-z A-Z and "._+@~-".
    password: 8 to 128 printable characters.
    caller_id: E.164 number that its calls show.
    """
    chosen = _chosen(password, options)
    request = provisioning.AddAccountRequest(
        write=options.options(), tenant=options.tenant, acl=name, username=username, password=chosen, caller_id=caller_id
    )
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).AddAccount(request)
        if not password:
            _told(chosen, username)
        await finish(connected, options, f"added account {username} to {name}", answer.receipt, answer.acl)


@account.command(name="password")
async def set_password(name: AclName, username: AccountName, *, password: str = "", options: Writing = WRITING) -> None:
    """Replaces an account's password; without one given, one is made up and shown once.

    Parameters
    ----------
    name: The list's name.
    username: The account.
    password: 8 to 128 printable characters.
    """
    chosen = _chosen(password, options)
    request = provisioning.SetAccountPasswordRequest(
        write=options.options(), tenant=options.tenant, acl=name, username=username, password=chosen
    )
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).SetAccountPassword(request)
        if not password:
            _told(chosen, username)
        await finish(connected, options, f"changed the password of {username}", answer.receipt, answer.acl)


@account.command(name="remove")
async def remove_account(name: AclName, username: AccountName, *, options: Writing = WRITING) -> None:
    """Removes an account.

    Parameters
    ----------
    name: The list's name.
    username: The account.
    """
    request = provisioning.RemoveAccountRequest(write=options.options(), tenant=options.tenant, acl=name, username=username)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).RemoveAccount(request)
        await finish(connected, options, f"removed account {username} from {name}", answer.receipt, answer.acl)


@account.command(name="list")
async def list_accounts(name: AclName, *, options: Listing = LISTING) -> None:
    """Lists the accounts of an access control list.

    Parameters
    ----------
    name: The list's name.
    """
    async with session(is_operator=options.as_operator) as connected:
        found = plain(await _get(connected, options, name))
    show_list(options.output, found["accounts"], ["username", "caller_id", "credential_id"], nothing="no account")
