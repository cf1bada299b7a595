"""Of which of a domain's calls that go well SIP messages are captured, and for how long."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.forms import Done, Field, Form, answer_form, quoted, whole
from trunkline.dashboard.pages.service import domain_of
from trunkline.dashboard.visits import Visit, Wrong, write_options

SPANS_S: Final[Mapping[str, tuple[str, int]]] = {
    "15m": ("15 minutes", 900),
    "1h": ("an hour", 3_600),
    "8h": ("8 hours", 8 * 3_600),
    "1d": ("a day", 86_400),
    "7d": ("7 days", 7 * 86_400),
}
"""As the command line writes them."""


async def capture(visit: Visit) -> Response:
    known = await domain_of(visit)
    where = f"/domains/{known.label}"
    percent = Field("percent", "Of a hundred calls", "0: of none any more", "number", value=str(known.capture_percent or 100), most=100)
    form = Form(
        title=f"Capture calls of {known.label}",
        action=visit.request.url.path,
        fields=[
            percent,
            Field(
                "until",
                "For",
                kind="select",
                options=[(name, text) for name, (text, _) in SPANS_S.items()],
                value="1h",
            ),
        ],
        submit="Change",
        command=["domain", "capture", quoted(known.label), ("--percent", "{percent}"), ("--until", "{until}")],
        text="SIP messages of refused and failed calls are kept without this; it keeps those of calls that go well too, for their ladders."
        " Refused and failed ones go first: as many messages a second as the edges' setting capture_per_s says (200), and beside them half"
        " as many of calls that go well, both shared by the tenants that have some; 0: none of either."
        " Passwords, keys of media and dialled digits are masked before they leave the edge.",
        back=where,
    )

    async def send() -> Done:
        request = pb.SetCaptureRequest(write=write_options(), tenant=visit.tenant, label=known.label, percent=whole(visit, percent))
        span = SPANS_S.get(visit.value("until"))
        if span is None:
            raise Wrong("until", f"{visit.value('until')[:16]!r} is none of {', '.join(SPANS_S)}")
        if request.percent:
            request.until.CopyFrom(Timestamp(seconds=int(time.time()) + span[1]))
        answer = await visit.ask.provisioning.SetCapture(request)
        return Done(f"What is captured of {known.label} is changed.", answer.receipt, where)

    return await answer_form(visit, form, send)
