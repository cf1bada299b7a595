"""The compiled engine. Users import these names from `trunkline.engine`."""

from collections.abc import Callable, Sequence
from typing import final

from trunkline.engine.decision import Admission, Challenge, Decision
from trunkline.engine.tables import TableChange

@final
class Invite:
    """An admitted INVITE, valid while `on_invite` runs. Text is decoded as UTF-8 with replacement."""

    @property
    def call(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def tenant(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def number(self) -> str:
        """User part of the Request-URI, unescaped, as sent."""
    @property
    def source(self) -> str:
        """`192.0.2.1:5060` or `[2001:db8::1]:5060`."""
    @property
    def transport(self) -> str: ...
    @property
    def acl(self) -> str: ...
    @property
    def account(self) -> str:
        """Username, or empty where the address alone admitted the call."""
    @property
    def address(self) -> str:
        """The listed CIDR, or empty."""
    @property
    def account_caller_id(self) -> str:
        """What the account is listed to show, or empty."""
    @property
    def address_caller_id(self) -> str:
        """What the listed address is to show, or empty."""
    @property
    def has_identity_headers(self) -> bool:
        """Whether Privacy, P-Asserted-Identity or P-Preferred-Identity is there at all."""
    @property
    def from_uri(self) -> str: ...
    @property
    def from_display_name(self) -> str: ...
    @property
    def to_uri(self) -> str: ...
    def header(self, name: str) -> list[str]:
        """Values of every field of that name (compact forms and case do not matter), unfolded, not split at commas."""

@final
class JournalChunk:
    """Whole lines of the journal. Publish with the id `<edge>-<segment>-<offset>-<length>`, then acknowledge."""

    @property
    def segment(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def lines(self) -> bytes: ...

@final
class LiveCall:
    @property
    def call(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def caller(self) -> str: ...
    @property
    def state(self) -> str:
        """`trying`, `ringing` or `answered`."""
    @property
    def start_ns(self) -> int: ...
    @property
    def gateway(self) -> str: ...

@final
class Engine:
    """One edge's engine: sockets, transactions, timers, tables, journal.

    `listen` is `("127.0.1.1", 5060)` (UDP) or `("127.0.1.1", 5060, "tcp")`, one or more of them; the third
    transport is `tls`. The first of each transport and family is where calls to gateways of that transport and family come from. Each
    address names itself in Via and Record-Route.
    `journal_dir` is made if it is missing; each of its segments takes `journal_segment_bytes` of the disk (16 MiB).
    Of a source no more datagrams are looked at than its rate: (a second, at once); it is known for a quarter of an hour when a call of it
    was admitted, and a stranger otherwise.
    Over TCP and TLS there are `connections` in all (10,000) and `connections_from_one_source` (256). The first message of a connection, and
    each message from its first byte, may take `stream_message_ms` (10 s); where the peer acknowledges nothing for
    `stream_unacknowledged_ms` (10 s), or nothing passes for `stream_idle_ms` (1 h), it is closed.
    Of one call in `capture_one_in` (0: none) and of every call to one of `capture_domains` (labels) all messages are captured, besides
    those of refused and failed calls.
    With `keeps_calls` answered calls are given by `take_saved_calls`, which is to be called each second or so.
    `tables` may have been filled before; what is applied to the engine is applied to them.
    `realm` is the platform's base domain. Raises OSError (with the address in its text) where a
    socket cannot be bound, ValueError for bad values. Names bound to one of `other_pops` are refused with T206.
    """

    def __init__(
        self,
        *,
        edge: str,
        pop: str,
        realm: str,
        listen: Sequence[tuple[str, int] | tuple[str, int, str]],
        journal_dir: str,
        other_pops: Sequence[str] = (),
        user_agent: str = "trunkline",
        timer_t1_ms: int = 500,
        silent_gateway_ms: int = 3000,
        all_silent_ms: int = 8000,
        decision_limit_ms: int = 2000,
        ask_limit_ms: int = 4000,
        journal_segment_bytes: int = ...,
        stranger_rate: tuple[int, int] = ...,
        known_rate: tuple[int, int] = ...,
        workers: int = 1,
        connections: int = ...,
        connections_from_one_source: int = ...,
        stream_message_ms: int = ...,
        stream_unacknowledged_ms: int = ...,
        stream_idle_ms: int = ...,
        capture_one_in: int = 0,
        capture_domains: Sequence[str] = (),
        keeps_calls: bool = False,
        tables: AccessTables | None = None,
    ) -> None: ...
    def apply(self, batch: Sequence[TableChange], position: int) -> None:
        """All of it or, on ValueError (which names the entry), none. Datagrams see one version throughout; records carry `position`."""
    def forget_decisions(self) -> None:
        """`on_invite` is asked again about each kind of call (`Route.holds_for`): to be called after whatever it decides by has changed.
        `apply` does so too. From any thread."""
    def start(self, on_invite: Callable[[Invite], Decision], on_question: Callable[[Invite], None] | None = None) -> None:
        """Binds are made in the constructor; this starts the worker threads, and each calls `on_invite` from its own. An exception in
        `on_invite` is logged to stderr's hook, counted, and answered with 500 T901."""
    @property
    def addresses(self) -> list[tuple[str, int]]:
        """What was bound, in the order of `listen`: tells the ports that were asked for as 0."""
    def set_certificates(self, certificates: Sequence[tuple[Sequence[str], bytes, bytes]]) -> None:
        """Each is `(names, chain, key)`, PEM, the leaf first; names are DNS names or `*.` and a name, for one label. For handshakes
        from now on: the certificate of the exact name that the client asks for (SNI), else of its wildcard, else the first. ValueError says
        which one cannot be used and why; then nothing changes."""

    def set_carrier_tls(self, roots: bytes, chain: bytes = b"", key: bytes = b"") -> None:
        """How gateways are met over TLS from now on: their certificates must come from one of `roots` (PEM) and have the gateway's
        `tls_name` or, without one, its address; `chain` and `key` are shown to those who ask for one (mutual TLS). No roots: no gateway can
        be reached over TLS. ValueError as of `set_certificates`."""

    def set_draining(self, is_draining: bool) -> None: ...
    def set_degraded(self, is_degraded: bool) -> None:
        """While degraded the access rule is not asked: each new INVITE goes to `on_question`, as an Invite of which nothing is known but
        what the message says, and nothing is sent until `complete` answers. After `ask_limit_ms` it is refused with T907; above 1,024 that
        wait with T902; without `on_question`, or where it raises, with T906."""
    def complete(self, call: str, answer: Decision | Challenge, admission: Admission | None = None) -> None:
        """Answers about the INVITE whose `call` is given; a call that waits no more is left out. Without an admission it is nobody's and
        has no record. Credentials that were used before become a challenge. TypeError or ValueError for what cannot be used."""
    def fileno(self) -> int:
        """An eventfd that is readable when `drain` has something; at most one wake-up every 100 ms."""
    def drain(self, max_bytes: int = 262144) -> list[JournalChunk]:
        """Lines not drained yet, of this and earlier runs, oldest first."""
    def rewind(self) -> None:
        """Drain again from the oldest line that was not acknowledged."""
    def acknowledge(self, segment: str, offset: int) -> None:
        """Everything before `offset` in this segment, and all segments before it, stands in the stream: whole segments are deleted."""
    def live_calls(self, *, tenant: str = "") -> list[LiveCall]:
        """Calls from their INVITE to their end, of one tenant or of all, without those of a worker that does not run. Waits for the
        workers, who give a few hundred in a turn: a call that begins or ends meanwhile may be missing, every other is there once."""
    def hang_up(self, *, reason: str, facts: str = "", call: str = "", tenant: str = "", carrier: str = "") -> int:
        """Ends one call (of `tenant`, where that is given too), all calls of a tenant, or all at a carrier: answered ones by a BYE to both
        sides, others by CANCEL and a refusal. `reason` is a code of the registry, `facts` go to the owner's record. Answers how many calls
        that are, 0: none such is here; 100 are ended at once, then 5,000 a second. ValueError where not exactly one of them is named."""
    def ping(self, gateway: str, address: str, port: int, transport: str, timeout_ms: int) -> None:
        """Sends an OPTIONS from where calls to this gateway come from; its answer, or its want of one after `timeout_ms`, is a sighting of
        `gateway`. Where too much is under way it is not sent. ValueError for what is no address."""
    def take_sightings(self) -> list[tuple[str, bool, str, int, int, int, tuple[str, int, str]]]:
        """What gateways did since the last time, each one's oldest first, equal ones in a row as one: gateway, whether by OPTIONS, cause,
        status, Retry-After in seconds (0: none), how often, and where (address, port, transport) that was sent: it may
        have moved since. A cause is a word of `GatewayFailed.cause`; without one it answered: OPTIONS
        with this status, a call (status 0) by ringing, by an answer or by a refusal of the call itself. Where nobody takes them, each
        gateway's oldest are lost."""
    def sightings_fileno(self) -> int:
        """An eventfd that is readable when a failure is among what `take_sightings` has: a cause, 408, 503 or Retry-After."""
    def take_captured(
        self, most_failed: int, most_sampled: int
    ) -> tuple[list[tuple[str, int, bool, int, str, str, str, bytes, int, str, bool]], int]:
        """SIP messages: at most `most_failed` of calls that were refused or failed, then at most `most_sampled` of those that are sampled;
        of either the tenants in turn, a call at a time, each tenant's in order. The others wait for the next time. Each is the call's id,
        Unix nanoseconds (0: when the gateway was tried), whether it was received, the number of the gateway attempt (of an INVITE that was
        sent to one; else 0), our address, the peer's, transport, the bytes as on the wire with all secrets in them, how many bytes were
        left out at the end, the tenant, and whether it is of a sampled call: some of one that fails come again without this. Then how many
        were dropped since the last time: 2 MiB of the former and 1 MiB of the latter wait at most, and who has most gives way."""
    def take_saved_calls(self) -> list[tuple[str, bytes | None]]:
        """What is to be kept of calls over the end of the process, by their ids; None: it is over. Calls that were answered two seconds
        ago, once more after each change, and after `stop` all that are answered. At most 200,000 wait (the counter `calls_not_kept` has
        the rest). Nothing without `keeps_calls`."""
    def restore_calls(self, calls: list[tuple[str, bytes]]) -> None:
        """What an earlier run got from `take_saved_calls`: the calls stand again, are listed, and can be hung up; one that has lasted
        longer than it may is ended 15 to 35 s later. To be called before `start`. What cannot be restored is given as over. ValueError
        where an id is none."""
    def forget_calls(self, calls: list[str]) -> None:
        """Another edge has ended these calls: their rows go without a fact. Others than answered ones are left alone. ValueError where an
        id is none."""
    def ended_calls(self, calls: list[str]) -> list[str]:
        """Those of them that ended here, of the last 900,000. Waits for the workers, 3 s at most. ValueError where an id is none."""
    def nonces_fileno(self) -> int:
        """An eventfd that is readable when `take_used_nonces` has something, some 20 ms after the use at the latest."""
    def take_used_nonces(self) -> bytes:
        """What was admitted by digest since the last time, 20 bytes a use, for the other edges; bounded, the oldest are dropped."""
    def mark_used_nonces(self, uses: bytes) -> None:
        """What another edge took: not admitted here from the next datagram on. ValueError where it is not whole uses."""
    def status(self) -> dict[str, int]:
        """Counters, by name; among them `position`, `live_calls`, `journal_backlog_bytes`, `policy_failures`, `datagrams_received`."""
    def stop(self) -> None:
        """Ends the workers; the journal stays."""

@final
class AccessTrace:
    @property
    def outcome(self) -> str:
        """`admit`, `challenge` or `refuse`."""
    @property
    def reason(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def acl(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def account_caller_id(self) -> str: ...
    @property
    def address_caller_id(self) -> str: ...
    @property
    def is_stale(self) -> bool: ...
    @property
    def facts(self) -> str: ...
    @property
    def steps(self) -> list[str]: ...
    @property
    def algorithms(self) -> list[str]:
        """What the domain challenges with, most preferred first; empty where no domain was found."""
    @property
    def challenge_status(self) -> int:
        """401 or 407; 0 where no domain was found."""
    @property
    def is_qop_optional(self) -> bool: ...
    @property
    def digest_algorithm(self) -> str:
        """Of the credentials that were accepted; empty without."""

@final
class AccessTables:
    """The access rule without an engine around it: for `Authorize`, `explain` and tests. Same tables, same rule."""

    def __init__(self, *, realm: str) -> None: ...
    def apply(self, batch: Sequence[TableChange], position: int) -> None: ...
    def fill(self, batch: Sequence[TableChange]) -> None:
        """As `apply`, but in place and without a position, for tables that nobody looks at yet. After a ValueError they are of no use."""
    def fill_stored(self, pack: bytes) -> None:
        """As `fill`, from a pack of rows of a replica's file (`trunkline.eventlog.replica_store.Packed`) whose events are AclCreated,
        AddressAdded and AddressRemoved. ValueError too where a row is not as it was written."""
    @property
    def position(self) -> int: ...
    def check(
        self,
        *,
        host: str,
        source: str,
        method: str = "INVITE",
        number: str = "",
        sip_call_id: str = "",
        credentials: Sequence[str] = (),
        now_s: float,
    ) -> AccessTrace:
        """The rule on real credentials (values of Proxy-Authorization). `source` is an IP address. Nothing is remembered, so a replay is
        not noticed: that is the edge's to see."""
    def explain(self, *, host: str, source: str, username: str = "", is_password_right: bool = False) -> AccessTrace:
        """The rule with the digest's result assumed: no nonce key is needed. Where a name stands in several ACLs the first is taken."""
    def lists(self, *, host: str, source: str) -> bool:
        """Whether an ACL of the domain that is dialled by this name lists the address, alone or in a range no wider than /16 (IPv6: /32).
        ValueError for a source that is no IP address."""
    def issue_nonce(self, *, now_s: float, entropy: bytes) -> str:
        """A nonce of the current key, from 8 random bytes. ValueError where no key is current."""

def ha1(algorithm: str, username: str, realm: str, password: str) -> bytes:
    """HA1 of RFC 7616 §3.4.2, raw. ValueError for an algorithm other than MD5, SHA-256, SHA-512-256."""

def digest_response(
    *, algorithm: str, ha1: bytes, nonce: str, method: str, uri: str, qop: str = "auth", nc: int = 1, cnonce: str = ""
) -> str:
    """RFC 7616 §3.4.1, in hexadecimal; `qop` is `auth` or empty."""

def lines_with(lines: bytes, needle: bytes) -> list[bytes]:
    """Those of a journal's lines that hold the needle, whole, without their line ends, in order; each once."""
