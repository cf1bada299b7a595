"""An answered call of an engine, and what its sides say in it."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.engine import HOST, EngineBench, Peer, Sip


@dataclass(frozen=True, slots=True)
class Set:
    """An answered call: the INVITE as it came to the gateway, the 200 as it came to the caller."""

    caller: Peer
    gateway: Peer
    invite: Sip
    ok: Sip

    def request(self, method: str, cseq: int, *, call: str = "call-1", tag: str = "", route: str = "", extra: tuple[str, ...] = ()) -> str:
        """Of the caller, who has several of a CSeq: their branches differ."""
        lines = (f"Route: {route or self.ok.one('Record-Route')}", *extra)
        text = self.caller.request(method, call=call, cseq=cseq, to_tag=tag or self.ok.to_tag, extra=lines)
        return text.replace(f"-{cseq};", f"-{method}{cseq};", 1)

    def of_carrier(self, method: str, cseq: int, sender: Peer) -> str:
        """Of the gateway's side, sent by `sender`."""
        lines = [
            f"{method} {self.invite.one('Contact').strip('<>')} SIP/2.0",
            f"Via: SIP/2.0/UDP {sender.host_port};branch=z9hG4bK-{sender.host_port}-{method}{cseq};rport",
            f"From: {self.invite.one('To')};tag=gateway",
            f"To: {self.invite.one('From')}",
            f"Call-ID: {self.invite.one('Call-ID')}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            f"Contact: {sender.contact('gateway')}",
            f"Route: {self.invite.one('Record-Route')}",
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""])


def answered(bench: EngineBench, call: str = "call-1", host: str = HOST) -> Set:
    caller, gateway = bench.peer(), bench.gateway()
    bench.gateways[:] = [gateway]
    caller.send(caller.request(call=call, host=host))
    invite = gateway.receive()
    gateway.answer(invite, "200 OK")
    found = Set(caller, gateway, invite, caller.final())
    caller.send(found.request("ACK", 1, call=call))
    assert gateway.receive().start_line.startswith("ACK ")
    return found


def served(call: Set, text: str, method: str) -> None:
    call.caller.send(text)
    request = call.gateway.receive()
    assert request.start_line.startswith(f"{method} ")
    call.gateway.answer(request, "200 OK")
    assert call.caller.final().status == 200
