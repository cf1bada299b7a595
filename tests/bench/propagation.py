"""Acknowledged → enforced: how long after a write's receipt a call is decided by it.

One address is added and removed again and again; after each receipt the probe sends INVITEs from that address until the answer changes. Its
times are wall-clock milliseconds on one machine: from the receipt's arrival, and what `WaitApplied` says.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from edge import TENANT, Bench

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.runtime.grpc_client import open_channel

LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds, in the order measured."""

    write: list[float]
    enforced: list[float]
    receipt: list[float]


async def measure(bench: Bench, writes: int, rate: float) -> Times:
    """`rate` is the pause between writes, as writes per second."""
    channel = open_channel(bench.platform.local["grpc"]["provisioning"], key=bench.platform.local["operator"]["api_key"], service="bench")
    stub = ProvisioningServiceStub(channel)
    host, port = bench.platform.edge.split(":")
    source = f"{bench.platform.loopback}.77.1"
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind((source, 0))
    probe.settimeout(LIMIT_S)
    times = Times([], [], [])
    realm = bench.platform.local["base_domain"]

    def is_admitted(number: int) -> bool:
        """An INVITE to a number without a route: 404 T401 where the source is admitted, 403 T203 or T201 where not."""
        request = (
            f"INVITE sip:88299999999@benchprobe.{realm} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {source}:{probe.getsockname()[1]};branch=z9hG4bK{number}\r\n"
            f"From: <sip:p@{realm}>;tag={number}\r\nTo: <sip:88299999999@benchprobe.{realm}>\r\nCall-ID: probe-{number}@bench\r\n"
            f"CSeq: 1 INVITE\r\nContact: <sip:p@{source}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        probe.sendto(request.encode(), (host, int(port)))
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            answer = probe.recv(65535)
            if f"probe-{number}@bench".encode() not in answer or answer.startswith(b"SIP/2.0 100"):
                continue
            to_tag = answer.split(b"\r\nTo: ")[1].split(b"\r\n")[0].decode()
            probe.sendto(
                request.replace("INVITE", "ACK").replace(f"To: <sip:88299999999@benchprobe.{realm}>", f"To: {to_tag}").encode(),
                (host, int(port)),
            )
            return answer.startswith(b"SIP/2.0 404")
        raise TimeoutError("the edge did not answer the probe")

    count = 0
    for number in range(writes):
        wants = number % 2 == 0
        started = time.perf_counter()
        if wants:
            answer = await stub.AddAddress(p.AddAddressRequest(tenant=TENANT, acl="PROBE", address=source))
        else:
            answer = await stub.RemoveAddress(p.RemoveAddressRequest(tenant=TENANT, acl="PROBE", address=source))
        acknowledged = time.perf_counter()
        times.write.append((acknowledged - started) * 1000)
        while True:
            count += 1
            if is_admitted(count + int(time.time() * 1000) * 1000) == wants:
                break
            if time.perf_counter() - acknowledged > LIMIT_S:
                raise TimeoutError(f"position {answer.receipt.position} was not enforced within {LIMIT_S} s")
        times.enforced.append((time.perf_counter() - acknowledged) * 1000)
        async for applied in stub.WaitApplied(p.WaitAppliedRequest(position=answer.receipt.position)):
            times.receipt.append((applied.applied_time.ToNanoseconds() - answer.receipt.time.ToNanoseconds()) / 1e6)
        wait = 1 / rate - (time.perf_counter() - started)
        if wait > 0:
            time.sleep(wait)
    probe.close()
    await channel.close()
    return times
