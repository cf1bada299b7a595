"""The registry of refusals: one code a cause, the same on the wire, in the record, in metrics and in the documents.

On the wire a refusal is `SIP/2.0 403 Source Not In ACL T203` with
`Reason: Q.850;cause=21;text="T203 Source Not In ACL"` (RFC 3326, RFC 6432).
What was seen (address, user, position) goes to the owner's record only. A code is never given a new meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Whose turn it is to change something."""

    CALLER = "the calling system"
    CUSTOMER = "the customer's set-up"
    OPERATOR = "the operator"
    CARRIER = "the carrier"


@dataclass(frozen=True, slots=True)
class Reason:
    """`status` is the SIP status, `q850` the cause of ITU-T Q.850, `text` the fixed text on the wire (no facts, no commas)."""

    code: str
    status: int
    q850: int
    text: str
    fault: Fault
    what_to_do: str


def _row(code: str, status: int, q850: int, text: str, fault: Fault, what_to_do: str) -> Reason:
    return Reason(code, status, q850, text, fault, what_to_do)


_C, _S, _O, _K = Fault.CALLER, Fault.CUSTOMER, Fault.OPERATOR, Fault.CARRIER

REGISTRY: tuple[Reason, ...] = (
    _row("T101", 400, 95, "Bad Request", _C, "The message breaks RFC 3261; the record's facts name the header and the byte."),
    _row("T102", 484, 28, "Number Is Not E.164", _C, "Dial country code and number, with or without a leading plus: 3 to 15 digits."),
    _row("T103", 483, 25, "Too Many Hops", _C, "Max-Forwards reached 0: look for a loop between the proxies in front of us."),
    _row("T104", 482, 25, "Loop Detected", _C, "The request came back to us unchanged: look for a route that points here."),
    _row(
        "T105",
        405,
        79,
        "Method Not Allowed",
        _C,
        "Outside dialogs only INVITE, CANCEL, ACK and OPTIONS are served. Registration is not needed.",
    ),
    _row("T106", 420, 79, "Bad Extension", _C, "Do not send Proxy-Require for extensions that we do not know."),
    _row("T107", 416, 79, "Unsupported URI Scheme", _C, "Use sip: in the Request-URI."),
    _row("T108", 481, 101, "Call Does Not Exist", _C, "The dialog has ended or never was; start a new call."),
    _row(
        "T109", 403, 21, "Route Not Ours", _C, "Send calls without a Route header, and in-dialog requests with the route set that we gave."
    ),
    _row("T110", 513, 95, "Message Too Large", _C, "Keep a message under 64 KiB and under 128 headers."),
    _row("T111", 440, 25, "Max-Breadth Exceeded", _C, "The request may be in no branch more: look for proxies in front of us that fork."),
    _row(
        "T201", 403, 21, "Domain Not Served", _S, "Check the name in the INVITE; attach an ACL with an address or an account to the domain."
    ),
    _row(
        "T202",
        403,
        21,
        "Credentials Not Offered",
        _C,
        "In no answer, but in what `trunkline call unrecorded` counts: challenged, and nothing came. Set the account in the PBX; if it has"
        " one, it knows none of the algorithms offered: change the domain's digest policy.",
    ),
    _row("T203", 403, 21, "Source Not In ACL", _S, "Add the source address to an ACL of the domain."),
    _row(
        "T204",
        403,
        21,
        "Credentials Not Accepted",
        _S,
        "Check username and password, and that the account's ACL is attached to this domain.",
    ),
    _row(
        "T205",
        403,
        21,
        "Number Not As Signed",
        _C,
        "The digest uri names another number than the Request-URI: something between us rewrites it.",
    ),
    _row(
        "T206",
        403,
        21,
        "Name Bound To Another POP",
        _C,
        "The name dialled belongs to another point of presence: send the call where its DNS name leads, or dial the domain's default name.",
    ),
    _row(
        "T207",
        403,
        21,
        "Source Banned",
        _C,
        "Never sent: a banned source gets no answer. Mend what guesses there, and have an operator lift the ban, or list the address.",
    ),
    _row(
        "T301",
        403,
        21,
        "Destination Not Allowed",
        _S,
        "Allow the country or the prefix in the domain's class of service, and in the tenant's where it has one.",
    ),
    _row(
        "T302",
        403,
        21,
        "Transfer Not Allowed",
        _O,
        "The carrier is not sent REFER: transfer by a call of your own, or allow it (trunkline carrier change --takes-refer).",
    ),
    _row(
        "T303",
        403,
        21,
        "Premium Number Not Allowed",
        _S,
        "Premium services and satellites are not called unless the domain's class of service allows it (trunkline domain class-of-service"
        " --premium) and the tenant's does not forbid it.",
    ),
    _row(
        "T304",
        403,
        21,
        "Price Above Limit",
        _S,
        "Every route costs more a minute than the class of service of the domain or of the tenant allows, or in another currency.",
    ),
    _row(
        "T305",
        503,
        34,
        "Concurrent Call Limit Reached",
        _S,
        "The domain or its tenant has as many calls in progress as it may: wait for one to end, or have the limit raised"
        " (trunkline limit show).",
    ),
    _row(
        "T306",
        503,
        42,
        "Call Rate Limit Reached",
        _S,
        "The domain or its tenant begins more calls a second than it may: space them, or have the limit raised (trunkline limit show).",
    ),
    _row("T401", 404, 3, "No Route", _O, "No route deck reaches this number."),
    _row("T402", 500, 41, "All Gateways Failed", _K, "Every gateway of the route refused, failed or kept silent; the record lists each."),
    _row(
        "T403",
        503,
        34,
        "No Usable Gateway",
        _O,
        "The route's carriers have no gateway that this point of presence may use, or by a bound name none that works.",
    ),
    _row("T404", 404, 1, "Unknown Number", _C, "No numbering plan knows this country code."),
    _row(
        "T405",
        500,
        41,
        "Carrier Timed Out",
        _K,
        "A carrier kept the call in progress without ringing beyond its limit and no other was left.",
    ),
    _row("T501", 500, 29, "Privacy Session Not Available", _C, "Media is not relayed, so Privacy: session with critical cannot be met."),
    _row(
        "T502",
        403,
        21,
        "Caller ID Not Allowed",
        _S,
        "Send a number of the caller's own, or allow this one in the domain's identity policy.",
    ),
    _row(
        "T503",
        500,
        29,
        "Privacy Not Available",
        _C,
        "Privacy has critical and a value that is not known here, so it cannot be met.",
    ),
    _row("T601", 480, 16, "Ended By Command", _O, "Somebody ended this call by command; the record's facts say who."),
    _row("T602", 480, 102, "Maximum Duration Reached", _S, "The call lasted as long as its domain allows: raise the domain's limit."),
    _row("T603", 403, 21, "Tenant Suspended", _O, "The operator has suspended the tenant; ask the operator why."),
    _row(
        "T604", 480, 38, "Carrier Suspended", _O, "The operator has suspended the carrier and ended its calls: call again, by another one."
    ),
    _row("T901", 500, 41, "Decision Failed", _O, "The policy raised an error: see the edge's log."),
    _row("T902", 503, 42, "Overloaded", _O, "Too many calls are being set up; try again after the time in Retry-After."),
    _row("T903", 503, 42, "Draining", _O, "This edge is being emptied; use another point of presence."),
    _row("T904", 500, 41, "No Key To Challenge With", _O, "The edge has no current nonce key: is auth reachable?"),
    _row("T905", 500, 41, "Secret Not Readable", _O, "The account's secret cannot be unsealed: is the tenant's key missing?"),
    _row("T906", 503, 42, "Not Ready", _O, "The edge's replica is not complete yet; use another point of presence."),
    _row(
        "T907",
        503,
        42,
        "Decision Timed Out",
        _O,
        "The edge has no complete replica and auth or routing did not answer in time; try again after the time in Retry-After.",
    ),
)
"""In the order of their codes."""

_BY_CODE = {reason.code: reason for reason in REGISTRY}


def reason(code: str) -> Reason:
    """The row of a code; KeyError for one that is not in the registry, which is a bug."""
    return _BY_CODE[code]
