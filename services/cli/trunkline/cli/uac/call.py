"""One outgoing call, sans I/O: the client transaction of RFC 3261 §17.1, the dialog of §12 and §13.2, CANCEL of §9.1, digest of §22.

    CALLING ──1xx──▶ PROCEEDING ──2xx──▶ ANSWERED ──BYE──▶ ENDING ──▶ OVER
       │ 401/407: ACK, sign, CALLING again   │ 3xx-6xx: ACK             ▲
       └──────────── timer B ────────────────┴──────────────────────────┘

Feed messages and the time in, send what comes out, wake it at `next_wake_s`. After OVER it still acknowledges what is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from trunkline.cli.uac import messages
from trunkline.cli.uac.digest import Challenge, choose, credentials
from trunkline.cli.uac.messages import Dialog, Identity, Order
from trunkline.lab.sip.flow import Flow, flow_of
from trunkline.lab.sip.message import (
    Headers,
    MalformedMessage,
    Message,
    Request,
    Response,
    cseq_of,
    first,
    parameters,
    parse,
    tag_of,
    uri_of,
    values,
)
from trunkline.lab.sip.timers import Timer, Timers

T1_S = 0.5
T2_S = 4.0
GIVE_UP_S = 64 * T1_S
"""Timers B, D, F and H."""
MAX_INVITES = 6
"""Two realms, each once fresh and twice stale: a server that goes on challenging is not obeyed for ever."""

Address = tuple[str, int]


class State(Enum):
    CALLING = "calling"
    PROCEEDING = "proceeding"
    ANSWERED = "answered"
    ENDING = "ending"
    OVER = "over"


class Ending(Enum):
    """How a call was over."""

    HUNG_UP = "hung up by the caller"
    HUNG_UP_BY_CALLEE = "hung up by the called side"
    REFUSED = "refused"
    NOT_AUTHENTICATED = "not authenticated"
    CANCELLED = "cancelled"
    NO_ANSWER = "nothing answered"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` and `reason` are of the final response to the INVITE, 0 and empty where none came. `note` says more, for people."""

    ending: Ending
    status: int = 0
    reason: str = ""
    note: str = ""

    @property
    def is_answered(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes
    to: Flow


@dataclass(frozen=True, slots=True)
class Step:
    """One message of the ladder. `is_repeated`: a retransmission, sent or received."""

    time_s: float
    is_sent: bool
    message: Message
    is_repeated: bool = False


class OutgoingCall:
    """`proxy` is where the INVITE goes, and by what: the point of presence. `make_token` gives unique tags, branches, cnonces and the
    Call-ID."""

    def __init__(self, order: Order, *, proxy: Flow, local: Address, make_token: Callable[[], str]) -> None:
        self._order = order
        self._proxy = proxy
        self._token = make_token
        self._identity = Identity(local[0], local[1], f"{make_token()}@{local[0]}", make_token(), proxy.transport)
        self._timers = Timers()
        self._out: list[Send] = []
        self._invite: Request | None = None
        self._cseq = 0
        self._signed: dict[str, tuple[Challenge, bool]] = {}
        """By realm: the challenge last answered, and whether credentials go into Proxy-Authorization."""
        self._dialog: Dialog | None = None
        self._ack: bytes = b""
        self._repeats: dict[str, Timer] = {}
        """By branch and method: requests of ours, and 200s to a re-INVITE by its CSeq, that are sent again until answered."""
        self._replies: dict[str, bytes] = {}
        self._is_cancel_wanted = False
        self._is_cancel_sent = False
        self._hold: Timer | None = None
        self.state = State.CALLING
        self.outcome: Outcome | None = None
        self.steps: list[Step] = []

    @property
    def call_id(self) -> str:
        return self._identity.call_id

    def next_wake_s(self) -> float | None:
        return self._timers.next_s()

    def start(self, now_s: float) -> list[Send]:
        self._send_invite(now_s)
        if self._order.cancel_after_s is not None:
            self._timers.at(now_s + self._order.cancel_after_s, self._cancel)
        self._timers.at(now_s + self._order.ring_limit_s, self._cancel)
        return self._taken()

    def hang_up(self, now_s: float) -> list[Send]:
        """CANCEL before the answer, BYE after it."""
        if self.state is State.ANSWERED:
            self._bye(now_s)
        else:
            self._cancel(now_s)
        return self._taken()

    def wake(self, now_s: float) -> list[Send]:
        self._timers.run(now_s)
        return self._taken()

    def unreachable(self, why: str) -> None:
        """The network says that nobody is there (ICMP), or that a connection is lost: what would be said about a call that is not answered
        yet cannot come any more. An answered one goes on, by another connection."""
        if self.state is State.CALLING or (self.state is State.PROCEEDING and self._proxy.is_reliable):
            self._over(Outcome(Ending.NO_ANSWER, note=why))
        elif self.state is State.ENDING and self._proxy.is_reliable:
            self._over_after_bye()

    def receive(self, data: bytes, now_s: float) -> list[Send]:
        """One message. What cannot be read, or belongs to no request of ours, is dropped."""
        try:
            message = parse(data)
            number, method = cseq_of(message.headers)
        except MalformedMessage:
            return []
        if first(message.headers, "call-id") != self._identity.call_id:
            return []
        match message:
            case Response():
                self._on_response(message, number, method, now_s)
            case Request():
                self._on_request(message, now_s)
            case _:
                assert_never(message)
        return self._taken()

    def _taken(self) -> list[Send]:
        out, self._out = self._out, []
        return out

    def _send(self, message: Message, to: Flow, now_s: float, *, is_repeated: bool = False) -> bytes:
        data = message.encode()
        self._out.append(Send(data, to))
        self.steps.append(Step(now_s, True, message, is_repeated))
        return data

    def _send_until_answered(self, request: Request, to: Flow, now_s: float, *, cap_s: float, on_silence: Callable[[float], None]) -> None:
        """Timers A and B, or E and F: again after T1, twice as long each time up to the cap, given up after 64 T1. Over a connection only
        the giving up."""
        branch = f"{parameters(first(request.headers, 'via')).get('branch', '')} {request.method}"
        until_s = now_s + GIVE_UP_S

        def arm(interval_s: float, now: float) -> None:
            self._repeats[branch] = self._timers.at(min(now + interval_s, until_s), lambda later: again(interval_s, later))

        def again(interval_s: float, now: float) -> None:
            if now >= until_s:
                self._repeats.pop(branch, None)
                on_silence(now)
                return
            self._send(request, to, now, is_repeated=True)
            arm(min(2 * interval_s, cap_s), now)

        self._send(request, to, now_s)
        arm(GIVE_UP_S if to.is_reliable else T1_S, now_s)

    def _stop_repeating(self, key: str) -> None:
        if (timer := self._repeats.pop(key, None)) is not None:
            timer.cancel()

    def _send_invite(self, now_s: float) -> None:
        self._cseq += 1
        self.state = State.CALLING
        self._invite = messages.invite(
            self._order, self._identity, branch=self._branch(), cseq=self._cseq, authorization=self._authorization()
        )
        silence = Outcome(Ending.NO_ANSWER, note=f"no response in {GIVE_UP_S:.0f} s (timer B)")
        self._send_until_answered(self._invite, self._proxy, now_s, cap_s=GIVE_UP_S, on_silence=lambda _: self._over(silence))

    def _authorization(self) -> Headers:
        """Each INVITE is signed with a nonce that no earlier one used, so the count is 1."""
        return tuple(
            (
                "Proxy-Authorization" if is_proxy else "Authorization",
                credentials(
                    challenge,
                    username=self._order.username,
                    password=self._order.password,
                    method="INVITE",
                    uri=self._order.uri,
                    cnonce=self._token(),
                ),
            )
            for challenge, is_proxy in self._signed.values()
        )

    def _branch(self) -> str:
        return f"z9hG4bK{self._token()}"

    def _on_response(self, response: Response, number: int, method: str, now_s: float) -> None:
        branch = parameters(first(response.headers, "via")).get("branch", "")
        assert self._invite is not None
        if method != "INVITE":
            self._received(response, now_s)
            if response.status >= 200 and f"{branch} {method}" in self._repeats:
                self._stop_repeating(f"{branch} {method}")
                if method == "BYE":
                    self._over_after_bye()
            return
        if number != self._cseq or branch != parameters(first(self._invite.headers, "via")).get("branch"):
            self._on_late_response(response, number, now_s)
            return
        if response.status < 200:
            self._on_provisional(response, branch, now_s)
        elif response.status < 300:
            self._on_answer(response, branch, now_s)
        else:
            self._on_failure(response, branch, now_s)

    def _received(self, message: Message, now_s: float, *, is_repeated: bool = False) -> None:
        self.steps.append(Step(now_s, False, message, is_repeated))

    def _on_late_response(self, response: Response, number: int, now_s: float) -> None:
        """To an earlier INVITE of this call: a failure repeated because its ACK was lost."""
        if response.status >= 300:
            self._received(response, now_s, is_repeated=True)
            assert self._invite is not None
            earlier = [
                step.message
                for step in self.steps
                if step.is_sent and isinstance(step.message, Request) and cseq_of(step.message.headers) == (number, "INVITE")
            ]
            if earlier and isinstance(earlier[0], Request):
                self._send(messages.hop_by_hop("ACK", earlier[0], first(response.headers, "to")), self._proxy, now_s, is_repeated=True)

    def _on_provisional(self, response: Response, branch: str, now_s: float) -> None:
        if self.state not in (State.CALLING, State.PROCEEDING):
            return
        self._received(response, now_s)
        self._stop_repeating(f"{branch} INVITE")
        self.state = State.PROCEEDING
        if self._is_cancel_wanted:
            self._cancel(now_s)

    def _on_answer(self, response: Response, branch: str, now_s: float) -> None:
        self._stop_repeating(f"{branch} INVITE")
        dialog = Dialog.of(response)
        if self._dialog is not None:
            self._received(response, now_s, is_repeated=dialog.to_tag == self._dialog.to_tag)
            if dialog.to_tag == self._dialog.to_tag:
                self._out.append(Send(self._ack, self._next_hop(self._dialog)))
            else:
                # A second called side answered a forked INVITE: it gets its ACK and a BYE (§13.2.2.4).
                self._acknowledge(dialog, now_s)
                self._send_bye(dialog, now_s)
            return
        self._received(response, now_s)
        self._dialog = dialog
        self._ack = self._acknowledge(dialog, now_s)
        was_over = self.state is State.OVER
        self.outcome = None if self._is_cancel_wanted or was_over else Outcome(Ending.HUNG_UP, response.status, response.reason)
        if self._is_cancel_wanted or was_over:
            # The answer crossed our CANCEL (§9.1).
            self.outcome = Outcome(Ending.CANCELLED, response.status, response.reason, "the answer crossed the CANCEL: hung up at once")
            self._bye(now_s)
            return
        self.state = State.ANSWERED
        if self._order.hold_s is not None:
            self._hold = self._timers.at(now_s + self._order.hold_s, self._bye)

    def _acknowledge(self, dialog: Dialog, now_s: float) -> bytes:
        assert self._invite is not None
        signed = tuple((name, value) for name, value in self._invite.headers if name in ("Proxy-Authorization", "Authorization"))
        ack = messages.in_dialog("ACK", self._order, self._identity, dialog, branch=self._branch(), cseq=self._cseq, extra=signed)
        return self._send(ack, self._next_hop(dialog), now_s)

    def _on_failure(self, response: Response, branch: str, now_s: float) -> None:
        assert self._invite is not None
        is_repeated = self.state in (State.OVER, State.ENDING)
        self._stop_repeating(f"{branch} INVITE")
        self._received(response, now_s, is_repeated=is_repeated)
        self._send(messages.hop_by_hop("ACK", self._invite, first(response.headers, "to")), self._proxy, now_s, is_repeated=is_repeated)
        if is_repeated:
            return
        if response.status in (401, 407) and not self._is_cancel_wanted:
            self._on_challenge(response, now_s)
        elif self._is_cancel_wanted and response.status == 487:
            self._over(Outcome(Ending.CANCELLED, response.status, response.reason))
        else:
            self._over(Outcome(Ending.REFUSED, response.status, response.reason))

    def _on_challenge(self, response: Response, now_s: float) -> None:
        """Answered once for each nonce: a second challenge of the same realm only where it says that the nonce was stale (§22.3)."""

        def give_up(why: str) -> None:
            self._over(Outcome(Ending.NOT_AUTHENTICATED, response.status, response.reason, why))

        is_proxy = response.status == 407
        challenges = values(response.headers, "proxy-authenticate" if is_proxy else "www-authenticate")
        if not self._order.username:
            give_up("the call was challenged and there is no username to answer with")
            return
        challenge = choose(challenges)
        if challenge is None:
            give_up(f"none of {len(challenges)} challenges can be answered: {'; '.join(challenges)[:400]}")
            return
        answered = self._signed.get(challenge.realm)
        if answered is not None and (answered[0].nonce == challenge.nonce or not challenge.is_stale):
            give_up("the credentials were not accepted: check username and password")
            return
        if self._cseq >= MAX_INVITES:
            give_up(f"still challenged after {MAX_INVITES} INVITEs")
            return
        self._signed[challenge.realm] = (challenge, is_proxy)
        self._send_invite(now_s)

    def _cancel(self, now_s: float) -> None:
        """Not before a provisional response (§9.1): until then it is only remembered."""
        if self.state not in (State.CALLING, State.PROCEEDING) or self._is_cancel_sent:
            return
        self._is_cancel_wanted = True
        if self.state is State.CALLING:
            return
        assert self._invite is not None
        self._is_cancel_sent = True
        cancel = messages.hop_by_hop("CANCEL", self._invite, first(self._invite.headers, "to"))
        self._send_until_answered(cancel, self._proxy, now_s, cap_s=T2_S, on_silence=lambda _: None)
        lost = Outcome(Ending.CANCELLED, note=f"no final response in {GIVE_UP_S:.0f} s after the CANCEL")
        self._timers.at(now_s + GIVE_UP_S, lambda _: self._over(lost))

    def _bye(self, now_s: float) -> None:
        if self._dialog is None or self.state not in (State.ANSWERED, State.CALLING, State.PROCEEDING, State.OVER):
            return
        self.state = State.ENDING
        self._send_bye(self._dialog, now_s)

    def _send_bye(self, dialog: Dialog, now_s: float) -> None:
        self._cseq += 1
        bye = messages.in_dialog("BYE", self._order, self._identity, dialog, branch=self._branch(), cseq=self._cseq)
        self._send_until_answered(bye, self._next_hop(dialog), now_s, cap_s=T2_S, on_silence=lambda _: self._over_after_bye())

    def _over_after_bye(self) -> None:
        if self.state is State.ENDING:
            assert self.outcome is not None
            self._over(self.outcome)

    def _over(self, outcome: Outcome) -> None:
        if self.state is State.OVER:
            return
        self.state = State.OVER
        self.outcome = outcome
        if self._hold is not None:
            self._hold.cancel()
        for timer in self._repeats.values():
            timer.cancel()
        self._repeats.clear()

    def _next_hop(self, dialog: Dialog) -> Flow:
        """The first route, else the remote target; names go to the point of presence: the test caller resolves none. Over a connection
        everything goes by that."""
        if self._proxy.is_reliable:
            return self._proxy
        try:
            found = flow_of(uri_of(dialog.routes[0]) if dialog.routes else dialog.remote_target)
        except ValueError:
            return self._proxy
        return found if found is not None and not found.is_reliable else self._proxy

    def _on_request(self, request: Request, now_s: float) -> None:
        key = f"{parameters(first(request.headers, 'via')).get('branch', '')} {request.method}"
        if request.method == "ACK":
            self._received(request, now_s)
            self._stop_repeating(f"200 {cseq_of(request.headers)[0]}")
            return
        if key in self._replies:
            self._received(request, now_s, is_repeated=True)
            self._out.append(Send(self._replies[key], self._proxy))
            return
        self._received(request, now_s)
        dialog = self._dialog
        is_ours = dialog is not None and tag_of(first(request.headers, "from")) == dialog.to_tag
        if not is_ours or self.state is State.OVER:
            self._reply(key, messages.reply(request, 481, "Call/Transaction Does Not Exist", self._identity, to_tag=self._token()), now_s)
            return
        match request.method:
            case "BYE":
                self._reply(key, messages.reply(request, 200, "OK", self._identity), now_s)
                status, reason = (self.outcome.status, self.outcome.reason) if self.outcome else (0, "")
                self._over(Outcome(Ending.HUNG_UP_BY_CALLEE, status, reason, first(request.headers, "reason")))
            case "INVITE":
                response = messages.reply(request, 200, "OK", self._identity, body=messages.session_description(self._identity))
                self._reply(key, response, now_s)
                self._repeat_reply(f"200 {cseq_of(request.headers)[0]}", response, T1_S, now_s + GIVE_UP_S, now_s)
            case "UPDATE" | "INFO" | "OPTIONS":
                body = messages.session_description(self._identity) if request.body and request.method == "UPDATE" else b""
                self._reply(key, messages.reply(request, 200, "OK", self._identity, body=body), now_s)
            case _:
                self._reply(key, messages.reply(request, 405, "Method Not Allowed", self._identity), now_s)

    def _reply(self, key: str, response: Response, now_s: float) -> None:
        self._replies[key] = self._send(response, self._proxy, now_s)

    def _repeat_reply(self, key: str, response: Response, interval_s: float, until_s: float, now_s: float) -> None:
        """A 2xx to a re-INVITE until its ACK (§13.3.1.4)."""
        if now_s + interval_s >= until_s:
            return

        def again(now: float) -> None:
            self._send(response, self._proxy, now, is_repeated=True)
            self._repeat_reply(key, response, min(2 * interval_s, T2_S), until_s, now)

        self._repeats[key] = self._timers.at(now_s + interval_s, again)
