"""baresip, pjsua2 and Kamailio find an edge by NAPTR and SRV, and by A only, in a network namespace with a resolv.conf of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.namespace import run_inside, why_not

INSIDE = Path(__file__).with_name("clients_in_namespace.py")
LIMIT_S = 110


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_clients_find_an_edge_by_name(tmp_path: Path) -> None:
    run_inside(INSIDE, tmp_path, limit_s=LIMIT_S)
