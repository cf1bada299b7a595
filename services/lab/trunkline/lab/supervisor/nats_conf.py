"""Configuration of the regions' NATS servers: one JetStream domain each, leaf links to home, users by certificate with least privilege."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trunkline.lab.supervisor.authority import ZONE, TlsFiles

BEACON = "sync.config.head"
USED_NONCES = "nonces.used"
GATEWAYS_SEEN = "gateways.seen"
POPS_SEEN = "pops.seen"
POPS_CHANGED = "pops.changed"
POP_WATCHERS = ("provisioning", "dns")
"""Who judges the health of points of presence."""
MESSAGES_CAPTURED = "messages.captured"
KEYS_USED = "keys.used"
KEY_TAKERS = ("provisioning", "routing", "records", "dns", "edge")
"""Who is asked with tenants' API keys."""
REPLICAS_AT = "replicas.at"
LIMITS_USE, LIMITS_GRANT, LIMITS_ENDED, LIMITS_ASKED = "limits.use", "limits.grant", "limits.ended", "limits.asked"

SAID_BY_EDGES = (USED_NONCES, POPS_SEEN, GATEWAYS_SEEN, LIMITS_USE, LIMITS_ENDED, LIMITS_ASKED, MESSAGES_CAPTURED)

WRITES: Mapping[str, Sequence[str]] = {
    "provisioning": ("tenant", "apikey", "acl", "domain", "pop", "claim"),
    "auth": ("credential",),
    "routing": ("carrier", "deck", "claim"),
}
"""Kinds of aggregates that a service owns."""

TAIL = (
    "STREAM.INFO.{}",
    "CONSUMER.CREATE.{}",
    "CONSUMER.CREATE.{}.>",
    "CONSUMER.MSG.NEXT.{}.>",
    "CONSUMER.DELETE.{}.>",
    "CONSUMER.INFO.{}.>",
)
"""What following a stream needs."""


@dataclass(frozen=True, slots=True)
class User:
    """A process at its region's server. `pop` is set for edges."""

    kind: str
    process: str
    region: str
    pop: str = ""

    @property
    def name(self) -> str:
        """The DNS name of its certificate, by which the server knows it."""
        return f"{self.process}.{ZONE}"


@dataclass(frozen=True, slots=True)
class Server:
    """`listen` and `leaf_listen` are `ADDRESS:PORT`; `leaf_listen` is home's, `leaf_remote` where the others find it."""

    region: str
    home: str
    regions: Sequence[str]
    listen: str
    store: Path
    tls: TlsFiles
    users: Sequence[User]
    leaf_listen: str = ""
    leaf_remote: str = ""


def publishes(user: User, home: str, regions: Sequence[str]) -> list[str]:
    """Subjects that a user may publish to. Nobody may purge or delete a stream."""
    allowed = _allowed(user, home, regions)
    # A server takes the prefix of its own domain for `$JS.API` before it looks at permissions.
    own = f"$JS.{user.region}.API."
    return [*allowed, *(f"$JS.API.{each.removeprefix(own)}" for each in allowed if each.startswith(own))]


def _allowed(user: User, home: str, regions: Sequence[str]) -> list[str]:
    allowed = _tails("CONFIG", (home,))
    if user.kind in KEY_TAKERS:
        allowed.append(f"{KEYS_USED}.{user.process}")
    if user.kind == "edge":
        allowed += _tails("BANS", regions)
        said = [f"{subject}.{user.pop}" for subject in SAID_BY_EDGES]
        return [*allowed, f"calls.{user.region}.{user.pop}", *said]
    allowed += [f"$JS.{home}.API.STREAM.MSG.GET.CONFIG", f"{REPLICAS_AT}.{user.process}"]
    allowed += [f"config.{kind}.>" for kind in WRITES.get(user.kind, ())]
    if user.kind == "provisioning" and user.region == home:
        allowed += [f"$JS.{home}.API.STREAM.CREATE.CONFIG", BEACON, f"{LIMITS_GRANT}.>"]
    if user.kind == "provisioning":
        allowed.append(f"$JS.{home}.API.STREAM.INFO.CALLS_ALL")
    if user.kind in POP_WATCHERS:
        allowed += _tails("POPS", regions)
    if user.kind == "dns":
        allowed += [f"$JS.{user.region}.API.STREAM.CREATE.POPS"]
        allowed += [f"{POPS_CHANGED}.{region}.>" for region in dict.fromkeys((home, user.region))]
    if user.kind == "auth":
        allowed += _tails("BANS", regions)
        allowed += _tails(*(("CALLS_ALL", (home,)) if user.region == home else ("CALLS", (user.region,))))
        allowed += [f"$JS.{user.region}.API.STREAM.CREATE.BANS", f"bans.{user.region}.>"]
        allowed += _tails("VOUCHES", regions)
        allowed += [f"$JS.{user.region}.API.STREAM.CREATE.VOUCHES", f"vouches.{user.region}.>"]
    if user.kind == "records":
        allowed.append(f"{LIMITS_ENDED}.{user.process}")
        allowed += _tails("CALLS_ALL", (home,))
        allowed += [f"$JS.{home}.API.STREAM.{call}.CALLS_ALL" for call in ("CREATE", "UPDATE")]
        allowed += [f"$JS.{region}.API.STREAM.{call}.CALLS" for region in regions for call in ("INFO", "CREATE", "UPDATE")]
    return allowed


def _tails(stream: str, regions: Sequence[str]) -> list[str]:
    return [f"$JS.{region}.API.{call.format(stream)}" for region in regions for call in TAIL]


def subscribes(user: User) -> list[str]:
    heard = [f"_INBOX.{user.process}.>", BEACON]
    if user.kind == "edge":
        heard += [f"{USED_NONCES}.>", f"{LIMITS_GRANT}.{user.pop}", f"{LIMITS_ENDED}.>", f"{LIMITS_ASKED}.>"]
    if user.kind == "records":
        heard += [f"{MESSAGES_CAPTURED}.>", f"{LIMITS_ASKED}.>"]
    if user.kind in POP_WATCHERS:
        heard.append(f"{POPS_SEEN}.>")
    if user.kind in ("edge", "routing", "provisioning"):
        heard.append(f"{GATEWAYS_SEEN}.>")
    if user.kind == "provisioning":
        heard += [f"{LIMITS_USE}.>", f"{LIMITS_GRANT}.>", f"{KEYS_USED}.>", f"{REPLICAS_AT}.>"]
    return heard


def render(server: Server) -> str:
    # sync always: an acknowledged commit survives a power cut. Pings notice a half-dead peer in 15 s instead of minutes.
    # js_ack_fc_v2 off: nats-py cannot read the second form of ack subjects.
    return f"""server_name: nats-{server.region}
listen: {_text(server.listen)}
{_tls(server.tls, "")}
authorization {{
  timeout: 5
  users: [
{_users(server)}  ]
}}
jetstream {{
  store_dir: {_text(str(server.store))}
  domain: {server.region}
  sync_interval: always
  max_file_store: 8GB
  max_memory_store: 256MB
}}
{_leafnodes(server)}ping_interval: "5s"
ping_max: 2
write_deadline: "10s"
feature_flags {{ js_ack_fc_v2: false }}
"""


def _users(server: Server) -> str:
    lines = ""
    for user in server.users:
        allowed = _list(publishes(user, server.home, server.regions))
        lines += f"    {{ user: {_text(user.name)}, permissions: {{ publish: {{ allow: {allowed} }}, "
        lines += f"subscribe: {{ allow: {_list(subscribes(user))} }} }} }}\n"
    return lines


def _leafnodes(server: Server) -> str:
    """Home takes the other regions' servers, known by their certificates and nobody else's; the others go to it."""
    if server.leaf_listen:
        others = ", ".join(f"{{ user: {_text(f'nats-{region}.{ZONE}')} }}" for region in server.regions if region != server.region)
        # no_advertise: else a server tells others an address that leads past load balancers, or past the laboratory's links.
        return f"""leafnodes {{
  listen: {_text(server.leaf_listen)}
  no_advertise: true
  {_tls(server.tls, "  ")}
  authorization {{ timeout: 5, users: [ {others} ] }}
}}
"""
    if server.leaf_remote:
        tls = server.tls
        files = ", ".join(
            f"{key}: {_text(str(path))}"
            for key, path in (("cert_file", tls.cert_file), ("key_file", tls.key_file), ("ca_file", tls.ca_file))
        )
        return f"""leafnodes {{
  reconnect_interval: "1s"
  remotes: [ {{ urls: [ {_text(f"tls://{server.leaf_remote}")} ], ignore_discovered_servers: true, tls {{ {files}, timeout: 5 }} }} ]
}}
"""
    return ""


def _tls(tls: TlsFiles, indent: str) -> str:
    return f"""tls {{
{indent}  cert_file: {_text(str(tls.cert_file))}
{indent}  key_file: {_text(str(tls.key_file))}
{indent}  ca_file: {_text(str(tls.ca_file))}
{indent}  verify_and_map: true
{indent}  timeout: 5
{indent}}}"""


def _text(value: str) -> str:
    return json.dumps(value)


def _list(values: Sequence[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"
