"""A tenant switches on that its calls are captured: the next answered call has its messages, masked; switched off, the next has none."""

from __future__ import annotations

from helpers.platform import Platform, wait_for
from helpers.rest import Rest

NUMBER = "+31201234100"
LABEL = "acme"


def placed(platform: Platform) -> str:
    """An answered call; its id, when its record is whole. What was captured when it began has been told by then: edges tell four times a
    second, and the call is held for two."""
    done = platform.json("call", "place", NUMBER, "--as", f"{LABEL}/31000000", "--pop", "eu1", "--hold", "2s")
    assert done["status"] == 200

    def record() -> str:
        found = [row for row in platform.json("call", "list", "--limit", "20") if row["sip_call_id"] == done["sip_call_id"]]
        return str(found[0]["call"]) if found and found[0]["end_time"] else ""

    return wait_for("its record", record, every_s=0.5)


def test_the_next_answered_call_has_its_messages_and_the_one_after_it_has_none(platform: Platform) -> None:
    rest = Rest(platform.local["rest"], platform.local["demo"]["api_key"])

    def messages(call: str) -> list[dict[str, str]]:
        return list(rest.ask("GET", f"/v1/records/{call}/messages").json["messages"])

    try:
        set_on = platform.json("domain", "capture", LABEL, "--until", "10m", "--wait")
        assert set_on["result"]["capture_percent"] == 100 and set_on["result"]["capture_until"]
        call = placed(platform)
        found = wait_for("its messages", lambda: rows if len(rows := messages(call)) >= 8 else None, every_s=0.5)
        lines = {(row["direction"], row["text"].split(" ", 1)[0]) for row in found}
        assert {("received", "INVITE"), ("sent", "INVITE"), ("received", "SIP/2.0"), ("sent", "SIP/2.0")} <= lines, lines
        texts = "\n".join(row["text"] for row in found)
        assert "response=***" in texts and platform.local["demo"]["password"] not in texts
    finally:
        set_off = platform.json("domain", "capture", LABEL, "--percent", "0", "--wait")
    assert set_off["result"]["capture_percent"] == 0 and not set_off["result"]["capture_until"]
    assert messages(placed(platform)) == []
