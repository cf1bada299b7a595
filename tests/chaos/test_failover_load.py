"""What the load says of its calls, against a far end that is written out here."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from failover_load import LOG, SENT_AGAIN_S, Seen, read, steps
from helpers import sipp
from helpers.platform import free_loopback

CALLER = sipp.Caller(host="x.test", number="+31206409900", username="u", password="p")
CHALLENGE = 'Proxy-Authenticate: Digest realm="x", nonce="1", algorithm=MD5\r\n'


@contextmanager
def far_end(host: str, *to_bye: str) -> Iterator[None]:
    """Challenges, answers, and says `to_bye` to a BYE."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind((host, 5060))

        def serve() -> None:
            while True:
                request, peer = ours.recvfrom(65535)
                text = request.decode()
                if text == "over":
                    return
                method = text.partition(" ")[0]
                is_first = method == "INVITE" and "Proxy-Authorization" not in text
                said = {"INVITE": ("407 Proxy Authentication Required" if is_first else "200 OK",), "BYE": to_bye}.get(method, ())
                for status in said:
                    ours.sendto(response(text, status, CHALLENGE if is_first else f"Contact: <sip:{host}>\r\n"), peer)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        try:
            yield
        finally:
            ours.sendto(b"over", (host, 5060))
            serving.join(timeout=10)


def response(request: str, status: str, more: str) -> bytes:
    kept = re.findall(r"^(?:Via|From|To|Call-ID|CSeq): .*?(?=\r$)", request, re.MULTILINE)
    lines = [line + ";tag=y" if line.startswith("To:") and "tag=" not in line else line for line in kept]
    return ("\r\n".join([f"SIP/2.0 {status}", *lines]) + f"\r\n{more}Content-Length: 0\r\n\r\n").encode()


def called(folder: Path, *to_bye: str) -> Seen:
    host = f"{free_loopback()}.1.1"
    with far_end(host, *to_bye):
        extra = ("-trace_logs", "-log_file", LOG)
        sipp.run(folder, steps(CALLER), target=f"{host}:5060", local_address="127.0.0.1", timeout_s=30, extra=extra)
    return read(folder)


@pytest.mark.parametrize("to_bye", [("200 OK",), ("100 Trying", "200 OK")], ids=["200", "100 and 200"])
def test_a_bye_that_is_answered_is_not_lost(tmp_path: Path, to_bye: tuple[str, ...]) -> None:
    """100 is what a BYE is told that has no answer within 3.5 s."""
    began_s = time.time()
    seen = called(tmp_path, *to_bye)
    assert (seen.attempts, len(seen.answered)) == (1, 1)
    assert seen.ended == seen.answered and not seen.unended and not seen.byes_lost(0.0)
    assert all(began_s <= at_s <= time.time() for at_s in seen.hung_up_s.values()) and set(seen.hung_up_s) == seen.answered


@pytest.mark.parametrize("refusal", ["481 Call/Transaction Does Not Exist", "500 Server Internal Error"])
def test_a_bye_that_is_refused_is_told_apart(tmp_path: Path, refusal: str) -> None:
    seen = called(tmp_path, "100 Trying", refusal)
    assert seen.refused == seen.answered and not seen.ended and not seen.unended


def test_what_a_call_is_given_up_for_is_told(tmp_path: Path) -> None:
    seen = called(tmp_path, "404 Not Found")
    assert seen.unended == seen.answered and seen.surprises == ("expecting '100' SIP/2.0 404 Not Found",)


def test_a_bye_is_lost_from_when_it_was_sent(tmp_path: Path) -> None:
    (folder := tmp_path / "run").mkdir()
    (folder / LOG).write_text(
        "answered 1-1@x 2026-11-29\t07:00:00.1\t100.5\nhung-up 1-1@x 2026-11-29\t07:00:02.1\t102.5\nanswered 2-1@x a\t101.5\n"
    )
    seen = read(folder)
    assert seen.unended == {"1-1@x", "2-1@x"}
    assert seen.byes_lost(102.0) == {"1-1@x"} and seen.byes_lost(103.0) == set()
    # What was never sent was not given up, and counts as lost over UDP.
    assert seen.byes_lost(0.0) == {"1-1@x", "2-1@x"}
    assert seen.given_up(102.5 + SENT_AGAIN_S) == set() and seen.given_up(102.6 + SENT_AGAIN_S) == {"1-1@x"}
