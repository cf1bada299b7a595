"""How a service hears what edges say of gateways."""

from __future__ import annotations

import time

from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.runtime.gateway_reports import SUBJECT, GatewayReports, parse_report
from trunkline.runtime.logs import logger


async def hear_gateways(client: Client, reports: GatewayReports) -> None:
    """Subscribes; what cannot be read is logged and left out. It is renewed after every loss of the connection."""

    async def on_message(message: Msg) -> None:
        try:
            reports.hear(parse_report(message.data, time.time()))
        except ValueError as error:
            logger("gateways").warning("a report cannot be read", subject=message.subject, why=str(error))

    await client.subscribe(f"{SUBJECT}.>", cb=on_message)
