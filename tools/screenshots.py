"""Pictures of the dashboard for README and docs/, from a platform of its own with calls in it (`make screenshots`; some two minutes)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from helpers.dashboard import Visitor, chromium  # noqa: E402
from helpers.platform import Platform, free_loopback, wait_for  # noqa: E402
from helpers.receiver import receiving  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
NUMBERS = ("+31201234100", "+442071234100", "+12125550100", "+31201234486", "+31201234404")
"""The simulated carriers answer the first three, the others are busy and unknown."""

ASKED = "/what-if?span=24h&domain=acme&with=detach+ACL_OUTBOUND_SIP_TRUNK"
PHONE = {"width": 390, "height": 844}
PICTURES = (
    ("overview", "/", {}),
    ("call", "/calls/last", {}),
    ("usage-dark", "/usage?span=1h", {"scheme": "dark"}),
    ("domain", "/domains/acme", {}),
    ("access", "/access/ACL_OUTBOUND_SIP_TRUNK", {}),
    ("what-if", ASKED, {}),
    ("webhook", "/webhook", {}),
    ("routes", "/routes?number=%2B31201234567&region=us&prefix=31", {}),
    ("audit", "/audit", {}),
    ("overview-phone", "/", {**PHONE, "scheme": "dark"}),
    ("what-if-phone", ASKED, {**PHONE, "scheme": "dark"}),
    ("webhook-phone", "/webhook", PHONE),
    ("caller-id-phone", "/domains/acme/identity", PHONE),
)
OPERATORS_PICTURES = (("carriers-dark", "/operator/carriers", {"scheme": "dark"}), ("regions", "/operator/regions", {}))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(Path(folder) / "state", free_loopback())
        try:
            platform.start()
            with receiving() as receiver, chromium() as browser:
                platform.cli("webhook", "set", receiver.url)
                traffic(platform)
                named = [(each, "demo") for each in PICTURES] + [(each, "operator") for each in OPERATORS_PICTURES]
                for (name, path, options), who in named:
                    window = Visitor(browser, platform, **options)  # type: ignore[arg-type]
                    window.enter(platform, platform.local[who]["api_key"])
                    window.go(path)
                    window.page.wait_for_timeout(1000)
                    window.page.screenshot(path=FOLDER / f"{name}.png")
                    window.close()
                    print(FOLDER / f"{name}.png")
        finally:
            if platform.process is not None:
                platform.stop()


def traffic(platform: Platform) -> None:
    """Answered, failed and refused calls of the demonstration tenant."""
    caller = ("--as", "acme/31000000", "--hold", "0.5")
    for number in NUMBERS:
        platform.cli("call", "place", number, *caller, check=False)
    platform.cli("call", "place", NUMBERS[0], *caller, "--from-address", "127.0.0.9", check=False)
    wanted = len(NUMBERS) + 1
    wait_for("the records of all calls", lambda: len(platform.json("call", "list")) >= wanted, every_s=0.5)


if __name__ == "__main__":
    main()
