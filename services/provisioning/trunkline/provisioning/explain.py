"""Would this call be admitted, and why: auth's dry run of the access rule, for the owner of the domain."""

from __future__ import annotations

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.addresses import canonical_ip
from trunkline.domain.class_of_service import affordable, refusal, too_dear
from trunkline.domain.decide_domain import existing_domain
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal
from trunkline.domain.events import TenantId
from trunkline.domain.numbers import country_code, known_number, parse_e164
from trunkline.domain.reasons import REGISTRY
from trunkline.domain.views import Domain
from trunkline.runtime.control import ControlState
from trunkline.runtime.grpc_pool import PeerPool

ASK_LIMIT_S = 3.0
"""Of one auth service, which may have to catch up with this one first."""

ADMITTED_STATUS = 200
UNANSWERED = "T207"
CHALLENGE_TEXT = "Challenged: the call must bring credentials"


class Explainer:
    def __init__(self, state: ControlState, auth: PeerPool, realm: str) -> None:
        self._state = state
        self._auth = auth
        self._realm = realm

    async def explain(self, tenant: TenantId, request: pb.ExplainRequest) -> pb.ExplainResponse:
        """Decided on everything that this service has seen. Raises Refusal, AioRpcError of auth."""
        source = canonical_ip(request.source, field="source")
        name = request.domain.lower().rstrip(".")
        # Whose domain it is must be known before anything is said about it.
        try:
            domain = existing_domain(self._state.directory, tenant, name.split(".", 1)[0])
        except Refusal:
            await self._state.catch_up()
            domain = existing_domain(self._state.directory, tenant, name.split(".", 1)[0])
        asked = auth_pb2.AuthorizeRequest(
            host=name if "." in name else f"{domain.label}.{self._realm}",
            source=source,
            method="INVITE",
            assumed_username=request.username,
            is_assumed_right=request.is_password_right,
            min_position=self._state.replica.covered,
        )
        answer = await self._auth.ask(lambda channel: AuthServiceStub(channel).Authorize(asked), try_s=ASK_LIMIT_S)
        outcome, reason, steps = answer.outcome, answer.reason, list(answer.steps)
        if request.number:
            code, told = destination(self._state.directory, domain, request.number)
            steps.append(told)
            if outcome == "admit" and code:
                outcome, reason = "refuse", code
        status, text = seen_on_the_wire(outcome, reason, domain.digest.challenge_status)
        return pb.ExplainResponse(
            outcome=outcome,
            reason=reason,
            status=status,
            text=text,
            acl=answer.acl,
            account=answer.account,
            address=answer.address,
            steps=steps,
            position=answer.position,
        )


def destination(directory: Directory, domain: Domain, number: str) -> tuple[str, str]:
    """Code of the refusal, or empty, and what was found, for people: class of service and price, by the rules that edges ask."""
    digits = known_number(number)
    if digits is None:
        return "T102" if parse_e164(number) is None else "T404", f"{number[:32]!r} is no number of any numbering plan"
    refused = refusal(domain.rules, digits, country_code(digits) or "")
    if refused is not None:
        return refused
    match = directory.routes.find(digits)
    if match is None:
        return "T401", f"no active route deck has a prefix of +{digits}"
    if affordable(domain.rules, match) is None:
        return "T304", too_dear(domain.rules, match)
    return "", f"+{digits} may be called: class of service and price of the prefix {match.prefix}"


def seen_on_the_wire(outcome: str, code: str, challenge_status: int) -> tuple[int, str]:
    """SIP status and text; 0 and none for a refusal whose code is newer than our registry."""
    match outcome:
        case "admit":
            return ADMITTED_STATUS, ""
        case "challenge":
            return challenge_status, CHALLENGE_TEXT
        case _:
            if code == UNANSWERED:
                return 0, "Not answered: the source is banned"
            row = next((row for row in REGISTRY if row.code == code), None)
            return (row.status, row.text) if row is not None else (0, "")
