"""SIPp as the called side, and whole calls in which both sides speak: each a scenario for the caller and one for the callee.

Nothing in them waits for a time: each side goes on when it has got what the other sent.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers import sipp
from helpers.listening import is_listening
from helpers.platform import wait_for

LIMIT_S = 30
TAG = "[pid]SIPpTag01[call_number]"
CONTACT = "Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>"
REINVITE_CSEQ, BYE_CSEQ = 101, 102
"""Of the callee: a sequence that is not the caller's."""
KEPT = {"caller": "From:", "callee": "To:", "cseq": "CSeq:"}


def answer(status: str, *, to: str = "[last_To:]", has_body: bool = False, cseq: str = "[last_CSeq:]", vias: str = "[last_Via:]\n") -> str:
    lines = [f"SIP/2.0 {status}", f"{vias}[last_Record-Route:]", "[last_From:]", to, "[last_Call-ID:]", cseq, CONTACT]
    lines += ["Content-Type: application/sdp", "Content-Length: [len]", "", sipp.SDP] if has_body else ["Content-Length: 0", "", ""]
    return "\n".join(lines)


def _of_callee(method: str, cseq: int) -> str:
    lines = [f"{method} [next_url] SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]", "[routes]"]
    lines += ["Max-Forwards: 70", f"From:[$callee];tag={TAG}", "To:[$caller]", "Call-ID: [call_id]", f"CSeq: {cseq} {method}"]
    lines += [CONTACT, "Content-Type: application/sdp", "Content-Length: [len]", "", sipp.SDP] if method == "INVITE" else []
    return "\n".join(lines if method == "INVITE" else [*lines, "Content-Length: 0", "", ""])


def _invite() -> str:
    """From and To are kept for requests of the callee's own, CSeq and Vias (these with their line's end) for an answer after a CANCEL."""
    kept = [(name, f'regexp=".*" search_in="hdr" header="{header}"') for name, header in KEPT.items()]
    kept.append(("vias", 'regexp="(Via: [^[:cntrl:]]*[[:cntrl:]]+)+" search_in="msg"'))
    actions = "".join(f'<ereg {how} assign_to="{name}"/>' for name, how in kept)
    names = ",".join(name for name, _ in kept)
    return f'<recv request="INVITE" rrs="true"><action>{actions}</action></recv><Reference variables="{names}"/>'


def callee_of_a_long_call(*, hangs_up: bool) -> list[str]:
    """Answers, takes the caller's re-INVITE, sends its own, and hangs up or is hung up on."""
    end = [sipp.recv_request("BYE"), sipp.send(answer("200 OK"))]
    if hangs_up:
        end = [sipp.send(_of_callee("BYE", BYE_CSEQ), retrans=True), sipp.recv(200)]
    return [
        _invite(),
        sipp.send(answer("180 Ringing", to=f"[last_To:];tag={TAG}")),
        sipp.send(answer("200 OK", to=f"[last_To:];tag={TAG}", has_body=True), retrans=True),
        sipp.recv_request("ACK"),
        sipp.recv_request("INVITE"),
        sipp.send(answer("200 OK", has_body=True), retrans=True),
        sipp.recv_request("ACK"),
        sipp.send(_of_callee("INVITE", REINVITE_CSEQ), retrans=True),
        sipp.recv(100, optional=True),
        sipp.recv(200),
        sipp.send(_of_callee("ACK", REINVITE_CSEQ)),
        *end,
    ]


def long_call(caller: sipp.Caller, *, hangs_up: bool) -> list[str]:
    """The caller's side. Without a username it answers no challenge."""
    start, first = sipp.start_of_call(caller)

    def within(method: str, cseq: int) -> str:
        return caller.request(method, cseq, uri="[next_url]", to_tag=True, routes=True)

    end = [sipp.send(within("BYE", first + 2), retrans=True), sipp.recv(200)]
    if not hangs_up:
        end = [sipp.recv_request("BYE"), sipp.send(answer("200 OK"))]
    return [
        *start,
        sipp.PROGRESS,
        sipp.recv(200, rrs=True),
        sipp.send(within("ACK", first)),
        sipp.send(within("INVITE", first + 1), retrans=True),
        sipp.recv(100, optional=True),
        sipp.recv(200),
        sipp.send(within("ACK", first + 1)),
        sipp.recv_request("INVITE"),
        sipp.send(answer("200 OK", has_body=True), retrans=True),
        sipp.recv_request("ACK"),
        *end,
    ]


def callee_that_rings() -> list[str]:
    """Until it gets a CANCEL, which shows the Via of one proxy only."""
    return [
        _invite(),
        sipp.send(answer("180 Ringing", to=f"[last_To:];tag={TAG}")),
        sipp.recv_request("CANCEL"),
        sipp.send(answer("200 OK", to=f"[last_To:];tag={TAG}")),
        sipp.send(answer("487 Request Terminated", to=f"[last_To:];tag={TAG}", cseq="CSeq:[$cseq]", vias="[$vias]"), retrans=True),
        sipp.recv_request("ACK"),
    ]


@contextmanager
def running(folder: Path, steps: list[str], *, host: str, port: int, transport: str, calls: int = 1) -> Iterator[None]:
    """A callee that listens from the start of the block; at its end it must have had all its calls."""
    folder.mkdir(parents=True, exist_ok=True)
    scenario = folder / "scenario.xml"
    scenario.write_text('<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="callee">\n' + "\n".join(steps) + "\n</scenario>\n")
    command = ["sipp", "-sf", str(scenario), "-i", host, "-p", str(port), "-t", "t1" if transport == "tcp" else "u1", "-m", str(calls)]
    command += ["-nostdin", "-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log"]
    command += ["-timeout", str(LIMIT_S), "-timeout_error"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        wait_for("the callee listens", lambda: process.poll() is not None or is_listening(host, port, transport))
        yield
        code = process.wait(timeout=LIMIT_S)
        errors = folder / "errors.log"
        assert code == 0, (
            f"the callee ended with {code}:\n{(errors if errors.exists() else folder / 'output').read_text(errors='replace')[-4000:]}"
        )
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def record_routes(messages: str) -> set[str]:
    """Where the Record-Routes of a message log point to, each as its URI has it: a host, or `host:port`."""
    lines = [line for line in messages.splitlines() if line.startswith("Record-Route:")]
    return {uri for line in lines for uri in re.findall(r"<sip:([^;>]+)", line)}
