"""Looks: each check is one coroutine that answers with findings; what cannot be asked is a finding too."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import grpc
import grpc.aio
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.common.v1 import common_pb2
from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.cli.connection import Session, Surroundings
from trunkline.cli.contexts import SERVICES
from trunkline.cli.doctor import judging
from trunkline.cli.doctor.finding import Finding, fail, ok, skip, warn
from trunkline.cli.doctor.http import date_of
from trunkline.cli.doctor.sip import ask_options
from trunkline.cli.exits import CommandError
from trunkline.runtime.errors import decode_status
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.listings import each_of
from trunkline.runtime.tls import host_name

ANSWER_LIMIT_S: Final = 5.0
"""Of one question; a busy machine is no sick one."""
MAX_TENANTS: Final = 200
"""Whose lists are compared with bans; beyond them the rest is not looked at, and that is said."""

WRITE_LIMIT_S: Final = 2.0
"""Between the time in a commit and its being stored, at most."""

Check = Callable[[], Awaitable[Iterable[Finding]]]


class Examination:
    """`own` asks with the tenant's key (or the operator's for `tenant`), `operators` with the operator's."""

    def __init__(self, own: Session, operators: Session, tenant: str) -> None:
        self._own = own
        self._operators = operators
        self._tenant = tenant

    @property
    def around(self) -> Surroundings:
        return self._own.around

    def checks(self) -> dict[str, Check]:
        """By name, in the order in which they are told."""
        return {
            "service": self._services,
            "certificate": self._certificates,
            "clock": self._clocks,
            "pop": self._pops,
            "dns": self._names,
            "access": self._access,
            "ban": self._bans,
            "sip": self._ports,
        }

    async def look(self, name: str) -> list[Finding]:
        """One check; what the services refuse or leave unanswered is a finding, and what this command is not told too."""
        check = self.checks()[name]
        try:
            try:
                return list(await check())
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                # A connection that broke while it was made is worth another try.
                return list(await check())
        except CommandError as error:
            return [fail(name, "", f"{error.what}: {error.why}" if error.why else error.what, error.remedy)]
        except grpc.aio.AioRpcError as error:
            problem = decode_status(error)
            if problem.code in ("PERMISSION_DENIED", "UNAUTHENTICATED"):
                return [judging.denied(name)]
            return [fail(name, "", problem.message.strip() or problem.code, problem.remedy or "look at the services above")]

    def _addresses(self) -> dict[str, str]:
        """gRPC addresses that are known, by process or service."""
        known = dict(self.around.local.get("grpc", {}))
        for service in SERVICES:
            variable = self.around.environment.get(f"TRUNKLINE_{service.upper()}")
            if variable:
                known[service] = variable
        return known

    async def _services(self) -> Iterable[Finding]:
        known = self._addresses()
        if not known:
            remedy = "start the platform with `make up`, or name one with `trunkline context add`"
            return [fail("service", "", "no service's address is known", remedy)]
        return await asyncio.gather(*(self._service(name, address) for name, address in known.items()))

    async def _service(self, name: str, address: str) -> Finding:
        channel = open_channel(address, tls=self.around.tls(), peer=name.partition("-")[0], is_waiting=True)
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # its stub file has no methods
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_LIMIT_S)
        except grpc.aio.AioRpcError as error:
            remedy = f"is it running? On one machine: trunkline lab status {name}"
            return fail("service", name, f"{address} does not answer: {decode_status(error).message[:160]}", remedy)
        finally:
            await channel.close()
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            return warn("service", name, f"{address} answers, and is not ready yet", "it reads the log: wait, or look at its log")
        return ok("service", name, f"{address} is ready")

    async def _certificates(self) -> Iterable[Finding]:
        tls, now = self.around.tls(), datetime.now(UTC)
        own = x509.load_pem_x509_certificate(tls.cert_file.read_bytes())
        found = [judging.certificate("of this command", own.not_valid_after_utc, now)]
        context = ssl.create_default_context(cafile=tls.ca_file)
        context.load_cert_chain(tls.cert_file, tls.key_file)
        context.set_alpn_protocols(["h2"])
        wanted = [(name, address, host_name(name.partition("-")[0]), context) for name, address in self._addresses().items()]
        sip_ca = self.around.local.get("sip_ca_file")
        if sip_ca:
            believed = ssl.create_default_context(cafile=sip_ca)
            pops = self.around.local.get("pops", {})
            # Any name of a customer's: that is whom clients ask for (RFC 5922 §7.3).
            host = f"doctor.{self.around.base_domain}"
            wanted += [(f"{name} (SIP)", pop["tls"], host, believed) for name, pop in pops.items() if pop.get("tls")]
        served = await asyncio.gather(*(_served_until(address, host, each) for _, address, host, each in wanted))
        for (name, _, _, _), (ends, problem) in zip(wanted, served, strict=True):
            if ends is not None:
                found.append(judging.certificate(name, ends, now))
            elif "CERTIFICATE" in problem.upper():
                remedy = "it must come from the authority that is believed here, and have its name"
                found.append(fail("certificate", name, problem, remedy))
            else:
                found.append(skip("certificate", name, f"nobody answers there: {problem}"))
        return found

    async def _clocks(self) -> Iterable[Finding]:
        """That of a service by what it writes about a question of ours; seconds are what matters, not milliseconds."""
        stub = await self._own.provisioning()
        answer = await stub.ListPops(pb.ListPopsRequest())
        found: list[Finding] = []
        request = pb.TailEventsRequest(tenant=self._tenant, from_position=answer.head, is_finite=True)
        async for last in stub.TailEvents(request, timeout=ANSWER_LIMIT_S):
            ahead_s = (last.commit.time.ToMicroseconds() - last.stored_time.ToMicroseconds()) / 1e6
            found.append(judging.clock("service that wrote last, by the log's", ahead_s, WRITE_LIMIT_S))
        for name in ("rest", "dashboard"):
            if url := self.around.local.get(name):
                found.append(await _http_clock(name, str(url)))
        return found or [skip("clock", "", "no service says what time it is")]

    async def _pops(self) -> Iterable[Finding]:
        answer = await (await self._own.provisioning()).ListPops(pb.ListPopsRequest())
        return judging.pops(answer.pops, answer.head)

    async def _names(self) -> Iterable[Finding]:
        return judging.names(await (await self._operators.dns()).GetDrift(dns_pb2.GetDriftRequest()))

    async def _access(self) -> Iterable[Finding]:
        stub = await self._own.provisioning()
        domains = [each async for each in each_of(stub.ListDomains, pb.ListDomainsRequest(tenant=self._tenant), "domains")]
        return judging.access(await self._acls(self._own, self._tenant), domains)

    async def _bans(self) -> Iterable[Finding]:
        banned = (await (await self._operators.auth()).ListBans(auth_pb2.ListBansRequest())).bans
        stub = await self._operators.provisioning()
        page = await stub.ListTenants(pb.ListTenantsRequest(page=common_pb2.Page(size=MAX_TENANTS)))
        listed = [(tenant.id, acl) for tenant in page.tenants for acl in await self._acls(self._operators, tenant.id)]
        found = list(judging.bans(banned, listed))
        if page.next_page_token:
            found.append(skip("ban", "", f"the lists of the first {MAX_TENANTS} tenants were looked at"))
        return found

    async def _acls(self, connected: Session, tenant: str) -> list[pb.Acl]:
        stub = await connected.provisioning()
        return [each async for each in each_of(stub.ListAcls, pb.ListAclsRequest(tenant=tenant), "acls")]

    async def _ports(self) -> Iterable[Finding]:
        pops = self.around.local.get("pops", {})
        if not pops:
            return [skip("sip", "", "no point of presence's SIP address is known here")]
        asked = [(name, transport, pop[transport]) for name, pop in pops.items() for transport in ("udp", "tcp") if pop.get(transport)]
        answers = await asyncio.gather(*(ask_options(address, transport, ANSWER_LIMIT_S) for _, transport, address in asked))
        return [judging.options(name, transport, *answer) for (name, transport, _), answer in zip(asked, answers, strict=True)]


async def _served_until(address: str, host: str, context: ssl.SSLContext) -> tuple[datetime | None, str]:
    """When the certificate that is shown there ends, or why it cannot be had."""
    place, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            _, writer = await asyncio.open_connection(place.strip("[]"), int(port), ssl=context, server_hostname=host)
    except (OSError, TimeoutError) as error:
        return None, str(error) or type(error).__name__
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).not_valid_after_utc, ""


async def _http_clock(name: str, url: str) -> Finding:
    """By the Date of its answer, which is in whole seconds."""
    asked = time.time()
    try:
        said = await asyncio.wait_for(asyncio.to_thread(date_of, url, ANSWER_LIMIT_S), ANSWER_LIMIT_S + 1)
    except (OSError, TimeoutError) as error:
        return skip("clock", name, f"{url} does not answer: {error}")
    if said is None:
        return skip("clock", name, f"{url} does not say what time it is")
    middle = (asked + time.time()) / 2
    return judging.clock(name, said + 0.5 - middle, 0.5 + (time.time() - asked) / 2)
