"""The softphone's own process: pjsua2, told by one argument in JSON, answering in JSON. See `softphone.py`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pjsua2 as pj


class Call(pj.Call):  # type: ignore[misc]
    def __init__(self, account: pj.Account) -> None:
        super().__init__(account)
        self.codes: list[int] = []
        self.reason = ""
        self.is_confirmed = False
        self.is_over = False

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.lastStatusCode:
            self.codes.append(int(info.lastStatusCode))
            self.reason = info.lastReason
        self.is_confirmed = self.is_confirmed or info.state == pj.PJSIP_INV_STATE_CONFIRMED
        self.is_over = info.state == pj.PJSIP_INV_STATE_DISCONNECTED


def main() -> int:
    order = json.loads(sys.argv[1])
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.logConfig.level = 0
    settings.logConfig.consoleLevel = 0
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    if "nameserver" in order:
        settings.uaConfig.nameserver.append(order["nameserver"])
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.port = 0
    transport.boundAddress = order["local_address"]
    kind = order.get("transport", "udp")
    if kind == "tls":
        transport.tlsConfig.CaListFile = order["ca_file"]
        transport.tlsConfig.verifyServer = True
    endpoint.transportCreate(getattr(pj, f"PJSIP_TRANSPORT_{kind.upper()}"), transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()

    account_settings = pj.AccountConfig()
    account_settings.idUri = order["id_uri"]
    if "proxy" in order:
        account_settings.sipConfig.proxies.append(f"sip:{order['proxy']};lr")
    account_settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", order["username"], 0, order["password"]))
    account_settings.regConfig.registerOnAdd = False
    account = pj.Account()
    account.create(account_settings)

    call = Call(account)
    try:
        call.makeCall(order["uri"], pj.CallOpParam(True))
    except pj.Error as problem:  # not even sent
        call.is_over, call.reason = True, problem.reason
    deadline = time.monotonic() + order.get("timeout_s", 20)
    hang_up_at = 0.0
    sign = Path(order["hangs_up_when"]) if "hangs_up_when" in order else None
    while not call.is_over and time.monotonic() < deadline:
        endpoint.libHandleEvents(20)
        if call.is_confirmed and not hang_up_at and (sign is None or sign.exists()):
            hang_up_at = time.monotonic() + order.get("hold_s", 0.3)
        if hang_up_at and time.monotonic() >= hang_up_at and not call.is_over and order.get("hangs_up", True):
            call.hangup(pj.CallOpParam(True))
            hang_up_at = deadline + 60
    result = {"codes": call.codes, "reason": call.reason, "confirmed": call.is_confirmed, "over": call.is_over}
    print(json.dumps(result), flush=True)
    del call
    account.shutdown()
    endpoint.libDestroy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
