"""`trunkline demo`: a new customer's first minutes, on a running platform."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.commands.calls import place_and_print, show_record
from trunkline.cli.commands.keys import hash_of, new_key
from trunkline.cli.connection import Session, session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import Reading
from trunkline.cli.output import console, plain
from trunkline.cli.uac.call import Ending
from trunkline.cli.uac.messages import Order
from trunkline.cli.writing import tell, wait_applied
from trunkline.lab.sip.flow import Flow
from trunkline.lab.sip.message import host_port_of

NUMBER = "+31201234567"
ACL = "ACL_OFFICE"
ACCOUNT = "31201112233"
RECORD_LIMIT_S = 15.0
LOOK_S = 0.1


async def demo() -> int:
    """Shows a refused call, a change that takes effect, an answered call and its record; ends 0 only if all of it happened."""
    label = f"demo{secrets.token_hex(3)}"
    password = secrets.token_urlsafe(18)
    async with session(is_operator=True) as connected:
        around = connected.around
        name = next(iter(around.local.get("pops", {})), "")
        address = Flow(*host_port_of(around.pop(name)["udp"]))
        host = f"{label}.{around.base_domain}"

        _step(1, f"A new tenant {label} with the domain {host}; its list {ACL} has the account {ACCOUNT} and the address 192.0.2.10")
        receipt = await _set_up(connected, label, password)
        _receipts(await wait_applied(connected, receipt))

        _step(2, f"A call from 127.0.0.1, which {ACL} does not hold")
        order = Order(number=NUMBER, host=host, username=ACCOUNT, password=password, hold_s=1.0)
        refused = await place_and_print(order, address, name, "127.0.0.1", "table")
        _demand(
            refused.outcome.ending is Ending.REFUSED and "T203" in refused.outcome.reason,
            f"it was to be refused with T203: {refused.outcome}",
        )
        record = await _record(connected, label, refused.call_id)
        _demand(record["reason"] == "T203", f"the record of the refused call was to say T203, not {record['reason']!r}")
        console.print(f"what the owner is told: {record['reason']} {record['reason_text']}; {record['facts']}", markup=False)

        _step(3, f"The address is added: trunkline acl address add {ACL} 127.0.0.1 --wait")
        stub = await connected.provisioning()
        added = await stub.AddAddress(provisioning.AddAddressRequest(write=_write(), tenant=label, acl=ACL, address="127.0.0.1"))
        _receipts(await wait_applied(connected, added.receipt))

        _step(4, "The same call again")
        answered = await place_and_print(order, address, name, "127.0.0.1", "table")
        _demand(answered.outcome.ending is Ending.HUNG_UP, f"it was to be answered: {answered.outcome}")

        for number, pop in enumerate(_one_of_each_region(around.local), start=5):
            _step(number, f"And at {pop}, by the name that is bound to it")
            bound = Order(number=NUMBER, host=f"{label}.{pop}.{around.base_domain}", username=ACCOUNT, password=password, hold_s=0.2)
            far = await place_and_print(bound, Flow(*host_port_of(around.pop(pop)["udp"])), pop, "127.0.0.1", "table")
            _demand(far.outcome.ending is Ending.HUNG_UP, f"it was to be answered: {far.outcome}")

        _step(5 + len(_one_of_each_region(around.local)), f"The record of the first: trunkline call show {answered.call_id}")
        record = await _record(connected, label, answered.call_id)
        _demand(record["outcome"] == "answered", f"the record was to say answered, not {record['outcome']!r}")
        show_record(Reading(), record)
    console.print("\nAll of it happened.", style="green")
    return Exit.OK


async def _set_up(connected: Session, label: str, password: str) -> common_pb2.Receipt:
    """Everything but the caller's address; the receipt of the last write."""
    stub = await connected.provisioning()
    await stub.CreateTenant(provisioning.CreateTenantRequest(write=_write(), tenant=label, name="Demonstration"))
    await stub.CreateApiKey(provisioning.CreateApiKeyRequest(write=_write(), tenant=label, name="demo", key_hash=hash_of(new_key())))
    await stub.CreateAcl(provisioning.CreateAclRequest(write=_write(), tenant=label, acl=ACL))
    await stub.AddAddress(provisioning.AddAddressRequest(write=_write(), tenant=label, acl=ACL, address="192.0.2.10"))
    await stub.AddAccount(provisioning.AddAccountRequest(write=_write(), tenant=label, acl=ACL, username=ACCOUNT, password=password))
    await stub.CreateDomain(provisioning.CreateDomainRequest(write=_write(), tenant=label, label=label))
    return (await stub.AttachAcl(provisioning.AttachAclRequest(write=_write(), tenant=label, label=label, acl=ACL))).receipt


def _one_of_each_region(local: Mapping[str, Any]) -> list[str]:
    """The first point of presence of each region that runs."""
    return [region["pops"][0] for region in local.get("regions", {}).values() if region["pops"]]


def _write() -> common_pb2.WriteOptions:
    return common_pb2.WriteOptions(request_id=secrets.token_hex(16))


async def _record(connected: Session, tenant: str, sip_call_id: str) -> dict[str, Any]:
    """The call's record when it is complete: facts travel from the edge's journal. Raises CommandError."""
    stub = await connected.records()
    deadline = time.monotonic() + RECORD_LIMIT_S
    while True:
        found = await _get_record(stub.GetRecord(records.GetRecordRequest(tenant=tenant, call=sip_call_id)))
        if found is not None and found["end_time"] is not None:
            return found
        _demand(time.monotonic() < deadline, f"there is no complete record of {sip_call_id} after {RECORD_LIMIT_S:.0f} s")
        await asyncio.sleep(LOOK_S)


async def _get_record(asked: Any) -> dict[str, Any] | None:
    try:
        answer: Message = await asked
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        raise
    record: dict[str, Any] = plain(answer)["record"]
    return record


def _receipts(answers: list[dict[str, Any]]) -> None:
    _demand(bool(answers), "no point of presence answered")
    for answer in answers:
        _demand(answer["is_applied"], f"{answer['pop']} did not apply it: {answer['problem']}")
        tell(answer)


def _step(number: int, text: str) -> None:
    console.print(f"\n{number}. {text}", style="bold", markup=False)


def _demand(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise CommandError("the demonstration did not go as it should", why=otherwise, remedy="see the logs in the state folder")
