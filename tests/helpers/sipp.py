"""SIPp 3.6 as the customer's side: scenarios put together from steps, run to their end, judged by SIPp's own counters.

SIPp 3.6.1 of Debian knows digest with MD5 only, and no TLS.
"""

from __future__ import annotations

import csv
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from helpers.ports import free_port

SDP = """v=0
o=- 3907 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
"""

OK_TO_REQUEST = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

"""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls whom. `host` stands in the Request-URI."""

    host: str
    number: str
    username: str = ""
    password: str = ""
    from_user: str = "31000000"
    from_line: str = ""
    extra_headers: str = ""

    def _from(self) -> str:
        return self.from_line or f'"PBX" <sip:{self.from_user}@{self.host}>'

    def request(self, method: str, cseq: int, *, uri: str = "", to_tag: bool = False, routes: bool = False, auth: bool = False) -> str:
        target = uri or f"sip:{self.number}@{self.host}"
        lines = [
            f"{method} {target} SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            *(["[routes]"] if routes else []),
            "Max-Forwards: 70",
            f"From: {self._from()};tag=[pid]SIPpTag00[call_number]",
            f"To: <sip:{self.number}@{self.host}>{'[peer_tag_param]' if to_tag else ''}",
            "Call-ID: [call_id]",
            f"CSeq: {cseq} {method}",
        ]
        if method == "INVITE":
            lines += ["Contact: <sip:pbx@[local_ip]:[local_port];transport=[transport]>", "User-Agent: sipp-pbx"]
            lines += [line for line in self.extra_headers.splitlines() if line]
            if auth:
                lines.append(f"[authentication username={self.username} password={self.password}]")
            lines += ["Content-Type: application/sdp", "Content-Length: [len]", "", SDP]
        else:
            lines += ["Content-Length: 0", "", ""]
        return "\n".join(lines)


def send(message: str, *, retrans: bool = False) -> str:
    attributes = ' retrans="500"' if retrans else ""
    return f"<send{attributes}><![CDATA[\n{message}\n]]></send>"


def recv(response: int, *, optional: bool = False, auth: bool = False, rrs: bool = False, must_match: str = "") -> str:
    attributes = "".join(text for is_set, text in ((optional, ' optional="true"'), (auth, ' auth="true"'), (rrs, ' rrs="true"')) if is_set)
    if not must_match:
        return f'<recv response="{response}"{attributes}></recv>'
    check = f'<ereg regexp="{must_match}" search_in="msg" check_it="true" assign_to="found"/>'
    return f'<recv response="{response}"{attributes}><action>{check}</action></recv><Reference variables="found"/>'


def recv_request(method: str) -> str:
    return f'<recv request="{method}"></recv>'


def pause(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>'


PROGRESS = recv(100, optional=True) + recv(180, optional=True) + recv(183, optional=True)


def challenged_invite(caller: Caller, challenge_status: int = 407) -> list[str]:
    """INVITE, a challenge, ACK."""
    return authenticated_invite(caller, challenge_status)[:-1]


def authenticated_invite(caller: Caller, challenge_status: int = 407) -> list[str]:
    """INVITE, 407, ACK, INVITE with credentials; the next step is to receive. CSeq of the second INVITE is 2."""
    return [
        send(caller.request("INVITE", 1), retrans=True),
        recv(100, optional=True),
        recv(challenge_status, auth=True),
        send(caller.request("ACK", 1, to_tag=True).replace("branch=[branch]", "branch=[branch-3]")),
        send(caller.request("INVITE", 2, auth=True), retrans=True),
    ]


def answered_call(caller: Caller, *, hold_ms: int = 10) -> list[str]:
    """A whole call, hung up by the caller. With a username it expects to be challenged, without one it expects not to be."""
    start = authenticated_invite(caller) if caller.username else [send(caller.request("INVITE", 2), retrans=True)]
    return [
        *start,
        PROGRESS,
        recv(200, rrs=True),
        send(caller.request("ACK", 2, uri="[next_url]", to_tag=True, routes=True)),
        pause(hold_ms),
        send(caller.request("BYE", 3, uri="[next_url]", to_tag=True, routes=True), retrans=True),
        recv(200),
    ]


def start_of_call(caller: Caller) -> tuple[list[str], int]:
    """The steps up to the INVITE that is not challenged, and its CSeq; without a username none is."""
    if caller.username:
        return authenticated_invite(caller), 2
    return [send(caller.request("INVITE", 1), retrans=True)], 1


def waiting_call(caller: Caller) -> list[str]:
    """An answered call that waits for the other side's BYE."""
    return [
        *start_of_call(caller)[0],
        PROGRESS,
        recv(200, rrs=True),
        send(caller.request("ACK", start_of_call(caller)[1], uri="[next_url]", to_tag=True, routes=True)),
        recv_request("BYE"),
        send(OK_TO_REQUEST),
    ]


def cancelled_call(caller: Caller) -> list[str]:
    """Given up as soon as it rings."""
    start, cseq = start_of_call(caller)
    steps = [*start, recv(100, optional=True), recv(180)]
    steps.append(send(_of_invite(caller.request("CANCEL", cseq), start, steps), retrans=True))
    steps += [recv(200), recv(487)]
    return [*steps, send(_of_invite(caller.request("ACK", cseq, to_tag=True), start, steps))]


def refused_call(caller: Caller, status: int, must_match: str, *, challenge_status: int = 407) -> list[str]:
    """An INVITE that ends with this status and text; with a username after a challenge."""
    if caller.username:
        start, cseq = authenticated_invite(caller, challenge_status), 2
    else:
        start, cseq = [send(caller.request("INVITE", 1), retrans=True)], 1
    steps = [*start, PROGRESS, recv(status, must_match=must_match)]
    return [*steps, send(_of_invite(caller.request("ACK", cseq, to_tag=True), start, steps))]


def _of_invite(request: str, start: list[str], steps: list[str]) -> str:
    """CANCEL and the ACK of a failure have the INVITE's branch, and SIPp counts branches by message. The INVITE is the last of `start`,
    and the request comes after `steps`."""
    return request.replace("branch=[branch]", f"branch=[branch-{_messages(steps) - _messages(start) + 1}]")


def _messages(steps: list[str]) -> int:
    return sum(step.count("<send") + step.count("<recv") + step.count("<pause") for step in steps)


@dataclass(frozen=True, slots=True)
class Result:
    """What SIPp says of a run; `messages` is its message log where one was asked for."""

    exit_code: int
    successful: int
    failed: int
    retransmissions: int
    errors: str
    messages: str

    def must_succeed(self, calls: int) -> None:
        assert (self.exit_code, self.failed, self.successful) == (0, 0, calls), f"{self}\n{self.errors}"


def hung_up_call(caller: Caller, reason: str) -> list[str]:
    """An answered call whose BYE comes from the other side, with this in its Reason."""
    match = f'<ereg regexp="{reason}" search_in="msg" check_it="true" assign_to="found"/>'
    return [
        send(caller.request("INVITE", 2), retrans=True),
        PROGRESS,
        recv(200, rrs=True),
        send(caller.request("ACK", 2, uri="[next_url]", to_tag=True, routes=True)),
        f'<recv request="BYE"><action>{match}</action></recv><Reference variables="found"/>',
        send(OK_TO_REQUEST),
        # A retransmission of the BYE would come now, were its answer not understood.
        '<timewait milliseconds="700"/>',
    ]


def run(
    folder: Path,
    steps: list[str],
    *,
    target: str,
    local_address: str,
    calls: int = 1,
    rate: int = 10,
    timeout_s: int = 180,
    is_logged: bool = True,
    transport: str = "udp",
    extra: tuple[str, ...] = (),
) -> Result:
    """Runs the scenario against `host:port` in a folder of its own, over UDP from a port that SIPp picks on `local_address`.

    Over TCP it is told one: SIPp looks for a free port by bind(2) with SO_REUSEADDR, which two that start at once are both granted, and
    the second one's listen(2) fails."""
    folder.mkdir(parents=True, exist_ok=True)
    scenario = folder / "scenario.xml"
    scenario.write_text('<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="e2e">\n' + "\n".join(steps) + "\n</scenario>\n")
    command = ["sipp", target, "-sf", str(scenario), "-i", local_address, "-m", str(calls), "-r", str(rate), "-nostdin"]
    command += [
        "-timeout",
        str(timeout_s),
        "-timeout_error",
        "-trace_err",
        "-error_file",
        "errors.log",
        "-trace_stat",
        "-stf",
        "stat.csv",
        "-fd",
        "1",
    ]
    if transport == "tcp":
        command += ["-t", "t1", "-p", str(free_port(local_address))]
    command += ["-recv_timeout", "90000", *extra]
    if is_logged:
        command += ["-trace_msg", "-message_file", "messages.log"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout_s + 30, check=False)
    stat = folder / "stat.csv"
    last: dict[str, str] = {}
    if stat.exists():
        for row in csv.DictReader(stat.read_text().splitlines(), delimiter=";"):
            last = {key: value for key, value in row.items() if key}
    errors = (folder / "errors.log").read_text(errors="replace") if (folder / "errors.log").exists() else ""
    messages = (folder / "messages.log").read_text(errors="replace") if is_logged and (folder / "messages.log").exists() else ""
    return Result(
        exit_code=done.returncode,
        successful=int(last.get("SuccessfulCall(C)", 0) or 0),
        failed=int(last.get("FailedCall(C)", 0) or 0),
        retransmissions=int(last.get("Retransmissions(C)", 0) or 0),
        errors=(errors or done.stderr)[-4000:],
        messages=messages,
    )


class Running:
    """SIPp at work beside the test."""

    def __init__(self, folder: Path, steps: list[str], target: str, calls: int, *, local_address: str = "127.0.0.1") -> None:
        self._result: Result | None = None

        def work() -> None:
            self._result = run(folder, steps, target=target, local_address=local_address, calls=calls, rate=20)

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def result(self) -> Result:
        self._thread.join(240)
        assert self._result is not None, "SIPp has not ended"
        return self._result
