"""A softphone that we did not write: pjsua2, in a process of its own (it keeps threads and sockets for as long as its process lives)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LIMIT_S = 60


def place(order: dict[str, Any]) -> dict[str, Any]:
    """Places one call and tells its end: `codes` seen, `reason`, `confirmed`, `over`.

    `order` has uri, local_address, id_uri, username, password, and may have proxy, without which the call goes where the uri leads;
    nameserver, an address that is asked for SRV records on port 53, without which the system's resolver is asked for addresses; hold_s,
    hangs_up, hangs_up_when (a file is there), timeout_s, and transport, for TLS with ca_file: the authority that the server's certificate
    must come from.
    """
    process = Path(__file__).with_name("softphone_process.py")
    done = subprocess.run([sys.executable, process, json.dumps(order)], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
