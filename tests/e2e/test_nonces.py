"""A nonce belongs to the platform and not to one edge: good at another point of presence, once."""

from __future__ import annotations

import itertools
import re
import secrets
import socket
import time

from helpers.everywhere import LISTED, demo_caller
from helpers.platform import Platform

from trunkline.engine import digest_response, ha1

NUMBER = "+29022158"
"""No route has it: an admitted call ends with 404 at once, and nobody is rung."""

_numbers = itertools.count(1)


class Uac:
    """One INVITE at a time, by hand."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._caller = demo_caller(platform, NUMBER)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LISTED, 0))
        self._socket.settimeout(5)

    def close(self) -> None:
        self._socket.close()

    def invite(self, pop: str, authorization: str = "") -> str:
        """The final response, acknowledged."""
        host, port = self._platform.edge(pop).split(":")
        call = f"{next(_numbers)}-{secrets.token_hex(4)}"
        mine = f"{LISTED}:{self._socket.getsockname()[1]}"

        def request(method: str, to: str) -> str:
            lines = [
                f"{method} sip:{NUMBER}@{self._caller.host} SIP/2.0",
                f"Via: SIP/2.0/UDP {mine};branch=z9hG4bK{call}",
                f"From: <sip:31000000@{self._caller.host}>;tag={call}",
                f"To: {to}",
                f"Call-ID: {call}",
                f"CSeq: 1 {method}",
                f"Contact: <sip:pbx@{mine}>",
                "Max-Forwards: 70",
                *([f"Proxy-Authorization: {authorization}"] if authorization else []),
                "Content-Length: 0",
            ]
            return "\r\n".join(lines) + "\r\n\r\n"

        plain_to = f"<sip:{NUMBER}@{self._caller.host}>"
        self._socket.sendto(request("INVITE", plain_to).encode(), (host, int(port)))
        while True:
            answer = self._socket.recv(65535).decode()
            if f"Call-ID: {call}" in answer and not answer.startswith("SIP/2.0 1"):
                break
        to = re.search(r"\r\nTo: ([^\r]*)", answer)
        assert to
        self._socket.sendto(request("ACK", to[1]).encode(), (host, int(port)))
        return answer

    def credentials(self, challenge: str, nc: int = 1) -> str:
        nonce = re.search(r'nonce="([^"]+)"', challenge)
        realm = re.search(r'realm="([^"]+)"', challenge)
        assert nonce and realm, challenge
        uri = f"sip:{NUMBER}@{self._caller.host}"
        secret = ha1("MD5", self._caller.username, realm[1], self._caller.password)
        response = digest_response(algorithm="MD5", ha1=secret, nonce=nonce[1], method="INVITE", uri=uri, nc=nc, cnonce="abcdef")
        return (
            f'Digest username="{self._caller.username}", realm="{realm[1]}", nonce="{nonce[1]}", uri="{uri}", response="{response}", '
            f'algorithm=MD5, cnonce="abcdef", qop=auth, nc={nc:08x}'
        )


def test_a_nonce_of_eu1_is_good_at_apac1_once_and_a_replay_anywhere_gets_a_fresh_challenge(platform: Platform) -> None:
    uac = Uac(platform)
    try:
        challenge = uac.invite("eu1")
        assert challenge.startswith("SIP/2.0 407 ")
        first = uac.credentials(challenge)
        assert uac.invite("apac1", first).startswith("SIP/2.0 404 "), "admitted, and there is no route"

        replayed = uac.invite("apac1", first)
        assert replayed.startswith("SIP/2.0 407 ") and "stale=true" in replayed
        assert re.search(r'nonce="([^"]+)"', replayed)[1] not in first  # type: ignore[index]

        second = uac.credentials(challenge, nc=2)
        assert uac.invite("us2", second).startswith("SIP/2.0 404 ")

        took_s = _time_to_be_known(uac, used_at="apac2", tried_at="eu1")
        print(f"credentials used at apac2 are refused at eu1 after {1000 * took_s:.0f} ms")
    finally:
        uac.close()


def _time_to_be_known(uac: Uac, *, used_at: str, tried_at: str) -> float:
    """How long after credentials were used at one edge another refuses them, in steps of a factor of two. To try is to use: each try has
    credentials of its own."""
    for step in range(10):
        delay_s = 0.01 * 2**step
        used = uac.credentials(uac.invite(used_at))
        assert uac.invite(used_at, used).startswith("SIP/2.0 404 ")
        # The age of the use is what is asked about: nobody can be asked instead, for to ask is to use.
        time.sleep(delay_s)
        answer = uac.invite(tried_at, used)
        if answer.startswith("SIP/2.0 407 "):
            assert "stale=true" in answer
            return delay_s
        assert answer.startswith("SIP/2.0 404 "), answer
    raise AssertionError(f"{tried_at} admits what was used at {used_at} {delay_s} s ago")
