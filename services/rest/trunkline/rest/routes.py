"""What REST offers: the one table from which the handlers and the OpenAPI document are made.

A line is verb, path, method of a service, and what it does. Names in braces are fields of the request; `tenant` is a query parameter
wherever it is a field and not in the path. The other fields are query parameters of GET and DELETE, and members of the JSON body of POST
and PUT; `write` comes from headers (`arguments`), `page` from `page_size` and `page_token`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from trunkline.rest.methods import METHODS, Method


class Form(Enum):
    ONE = auto()
    """One answer."""
    STREAM = auto()
    """The answers of a stream that ends by itself, gathered in `items`."""
    DOWNLOAD = auto()
    """The `data` of a stream's answers as one file: CSV, or a JSON a line where `format` is `jsonl`."""
    UPLOAD = auto()
    """The body goes up as it is, in pieces; the other fields are query parameters."""
    ALL_EDGES = auto()
    """Every edge is asked; what the answers list is put together, each item with its `pop`, and the silent edges in `missing_pops`."""
    ANY_EDGE = auto()
    """The edges are asked at once; the answer is that of the one that knows what it is about."""


@dataclass(frozen=True, slots=True)
class Route:
    verb: str
    path: str
    rpc: str
    summary: str
    form: Form = Form.ONE
    makes_key: bool = False
    """Without `key_hash` the key itself is made here, and shown in the answer as `key`, this once."""
    asks_first: str = ""
    """Of an upload: a method of the same service and for the same callers that costs nothing. Who may not ask it is not listened to."""
    without: tuple[str, ...] = ()
    """Fields of the request that this line leaves empty."""

    @property
    def method(self) -> Method:
        return METHODS[self.rpc]

    @property
    def in_path(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def has_body(self) -> bool:
        return self.verb in ("POST", "PUT") and self.form is not Form.UPLOAD

    @property
    def success(self) -> int:
        is_new = self.rpc.partition(".")[2].startswith(("Create", "Add", "BanAddress"))
        return 201 if is_new else 200

    @property
    def operation(self) -> str:
        """Unique, for generated clients: `create_acl`; `set_limits_of_tenant` where one method has two lines."""
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", self.rpc.partition(".")[2]).lower()
        return f"{name}_of_tenant" if "tenant" in self.in_path and name.startswith("set_") else name


ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/v1/whoami", "provisioning.WhoAmI", "Whose the API key of this request is"),
    Route("GET", "/v1/keys", "provisioning.ListApiKeys", "List API keys"),
    Route("POST", "/v1/keys", "provisioning.CreateApiKey", "Make an API key that may no more than the one that asks", makes_key=True),
    Route("DELETE", "/v1/keys/{api_key}", "provisioning.RevokeApiKey", "Revoke an API key"),
    Route("GET", "/v1/history", "provisioning.ListHistory", "Who changed what, when and from where; newest first"),
    Route("GET", "/v1/set-up", "provisioning.ReadTenant", "All that a tenant has, or had at a position of the log", Form.STREAM),
    # Access control
    Route("GET", "/v1/acls", "provisioning.ListAcls", "List access control lists"),
    Route("POST", "/v1/acls", "provisioning.CreateAcl", "Make an access control list"),
    Route("GET", "/v1/acls/{acl}", "provisioning.GetAcl", "Read an access control list"),
    Route("DELETE", "/v1/acls/{acl}", "provisioning.DeleteAcl", "Delete an access control list that is attached nowhere"),
    Route("POST", "/v1/acls/{acl}/addresses", "provisioning.AddAddress", "Allow an address or a range"),
    Route("DELETE", "/v1/acls/{acl}/addresses", "provisioning.RemoveAddress", "Remove an address or a range"),
    Route("POST", "/v1/acls/{acl}/ban-exemptions", "provisioning.ApproveBanExemption", "Hear a wide range where it is banned (operators)"),
    Route("POST", "/v1/acls/{acl}/accounts", "provisioning.AddAccount", "Add an account with a password"),
    Route("PUT", "/v1/acls/{acl}/accounts/{username}/password", "provisioning.SetAccountPassword", "Give an account another password"),
    Route("DELETE", "/v1/acls/{acl}/accounts/{username}", "provisioning.RemoveAccount", "Remove an account"),
    # Trunks
    Route("GET", "/v1/domains", "provisioning.ListDomains", "List domains"),
    Route("POST", "/v1/domains", "provisioning.CreateDomain", "Make a domain"),
    Route("GET", "/v1/domains/{label}", "provisioning.GetDomain", "Read a domain"),
    Route("DELETE", "/v1/domains/{label}", "provisioning.DeleteDomain", "Delete a domain that has no list attached"),
    Route("PUT", "/v1/domains/{label}/acls/{acl}", "provisioning.AttachAcl", "Attach an access control list"),
    Route("DELETE", "/v1/domains/{label}/acls/{acl}", "provisioning.DetachAcl", "Detach an access control list"),
    Route("PUT", "/v1/domains/{label}/digest-policy", "provisioning.SetDigestPolicy", "Say how callers are challenged"),
    Route("PUT", "/v1/domains/{label}/class-of-service", "provisioning.SetClassOfService", "Say what may be called, at what price"),
    Route("PUT", "/v1/domains/{label}/limits", "provisioning.SetLimits", "Bound concurrent calls and calls per second"),
    Route("PUT", "/v1/domains/{label}/identity-policy", "provisioning.SetIdentityPolicy", "Say what is shown as the caller"),
    Route("PUT", "/v1/domains/{label}/nearest-pop", "provisioning.SetNearestPop", "Say where the default name leads first"),
    Route("PUT", "/v1/domains/{label}/capture", "provisioning.SetCapture", "Capture SIP messages of calls that go well, for a time"),
    Route("GET", "/v1/domains/{label}/names", "dns.ListNames", "The domain's hostnames with their DNS records"),
    Route("GET", "/v1/domains/{label}/pbx/{pbx}", "dns.GetPbxSettings", "What to paste into a PBX"),
    Route("GET", "/v1/limits/use", "provisioning.GetLimitUse", "What is in use of each limit, and where"),
    Route("POST", "/v1/explain", "provisioning.Explain", "Would this call be admitted, and why; or why one that happened (`call`) was"),
    Route("POST", "/v1/explain-calls", "provisioning.ExplainCalls", "Which calls of a time would be decided otherwise, and why"),
    Route("GET", "/v1/webhook", "records.GetWebhook", "How sending call records goes"),
    Route("POST", "/v1/webhook/secret", "records.ShowWebhookSecret", "What call records are signed with"),
    Route("PUT", "/v1/webhook", "provisioning.SetWebhook", "Say where call records are sent to; an empty address: nowhere"),
    # Calls
    Route("GET", "/v1/records", "records.ListRecords", "List call records, newest first"),
    Route("GET", "/v1/records/{call}", "records.GetRecord", "Read a call record"),
    Route("GET", "/v1/records/{call}/messages", "records.ListMessages", "The SIP messages of a call that an edge captured, masked"),
    Route("GET", "/v1/record-exports", "records.ExportRecords", "All records that a filter lets through, as one file", Form.DOWNLOAD),
    Route("GET", "/v1/usage", "records.GetUsage", "Figures of calls by minute, hour or day"),
    Route("GET", "/v1/unrecorded", "records.ListUnrecorded", "INVITEs that made no record, as unanswered challenges, by source and minute"),
    Route("GET", "/v1/record-totals", "records.GetTotals", "How many records there are (operators)"),
    Route("GET", "/v1/live-calls", "edge.ListLiveCalls", "List the calls in progress at every point of presence", Form.ALL_EDGES),
    Route("POST", "/v1/live-calls/{call}/hang-up", "edge.HangUp", "End a call", Form.ANY_EDGE),
    Route("GET", "/v1/routes", "routing.ListRoutes", "List prefixes and rates"),
    Route("GET", "/v1/routes/resolve", "routing.Resolve", "Where a number would go"),
    # The platform
    Route("GET", "/v1/pops", "provisioning.ListPops", "List points of presence"),
    Route("GET", "/v1/pop-changes", "provisioning.ListPopChanges", "How points of presence stood in the names; newest first"),
    Route("GET", "/v1/replicas", "provisioning.ListReplicas", "Where each process that follows the log stands (operators)"),
    Route("POST", "/v1/pops/{pop}/drain", "provisioning.DrainPop", "Empty a point of presence (operators)"),
    Route("POST", "/v1/pops/{pop}/undrain", "provisioning.UndrainPop", "Use a point of presence again (operators)"),
    Route("GET", "/v1/positions/{position}", "provisioning.WaitApplied", "Wait until a change is in force at each POP", Form.STREAM),
    Route("GET", "/v1/dns/positions/{position}", "dns.WaitServed", "Wait until DNS answers by a change"),
    Route("GET", "/v1/dns/drift", "dns.GetDrift", "How the zone's holders differ from what should be (operators)"),
    # Operators
    Route("GET", "/v1/tenants", "provisioning.ListTenants", "List tenants"),
    Route("GET", "/v1/tenants/{tenant}", "provisioning.GetTenant", "Read a tenant; customers their own"),
    Route("PUT", "/v1/tenants/{tenant}", "provisioning.CreateTenant", "Make a tenant"),
    Route("POST", "/v1/tenants/{tenant}/suspend", "provisioning.SuspendTenant", "Refuse a tenant's new calls"),
    Route("POST", "/v1/tenants/{tenant}/resume", "provisioning.ResumeTenant", "Take a tenant's calls again"),
    Route(
        "PUT",
        "/v1/tenants/{tenant}/class-of-service",
        "provisioning.SetClassOfService",
        "Bound what a tenant's domains may call",
        without=("label",),
    ),
    Route(
        "PUT", "/v1/tenants/{tenant}/limits", "provisioning.SetLimits", "Bound a tenant's calls over all its domains", without=("label",)
    ),
    Route("POST", "/v1/tenants/{tenant}/forget", "auth.ForgetTenant", "Erase a tenant's secrets everywhere, for ever"),
    Route("GET", "/v1/carriers", "routing.ListCarriers", "List carriers"),
    Route("POST", "/v1/carriers", "routing.CreateCarrier", "Make a carrier"),
    Route("PUT", "/v1/carriers/{carrier}", "routing.ChangeCarrier", "Change a carrier's settings"),
    Route("POST", "/v1/carriers/{carrier}/suspend", "routing.SuspendCarrier", "Give a carrier no new calls"),
    Route("POST", "/v1/carriers/{carrier}/resume", "routing.ResumeCarrier", "Give a carrier calls again"),
    Route("POST", "/v1/carriers/{carrier}/gateways", "routing.AddGateway", "Add a gateway"),
    Route("PUT", "/v1/carriers/{carrier}/gateways/{gateway}", "routing.ChangeGateway", "Change a gateway"),
    Route("DELETE", "/v1/carriers/{carrier}/gateways/{gateway}", "routing.RemoveGateway", "Remove a gateway"),
    Route("GET", "/v1/gateway-health", "routing.ListGatewayHealth", "What the edges see of the gateways"),
    Route("GET", "/v1/decks", "routing.ListDecks", "List route decks"),
    Route("PUT", "/v1/decks/{deck}", "routing.ImportDeck", "Import a route deck as CSV", Form.UPLOAD, asks_first="routing.ListDecks"),
    Route("GET", "/v1/bans", "auth.ListBans", "List bans"),
    Route("POST", "/v1/bans", "auth.BanAddress", "Ban an address or a range"),
    Route("DELETE", "/v1/bans", "auth.LiftBan", "Lift the bans that cover an address"),
)
