"""A new user's first run, timed: from `git clone` to the first call seen in a browser (`make first-run`).

A clone of this checkout in a folder of its own, `make up` there, the link that it prints opened in Chromium, a call placed as the printed
line says. Each step is printed with the seconds since the start.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parent.parent
LIMIT_S = 1500.0
LOOK_S = 0.2
LOOPBACK = os.environ.get("FIRST_RUN_LOOPBACK", "127.0")
"""Another one where a platform runs on this machine already: 127.77."""
LINK = re.compile(r"http://\S+/login/\S+")


def main() -> int:
    start_s = time.monotonic()

    def said(text: str) -> None:
        print(f"{time.monotonic() - start_s:7.1f} s  {text}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "trunkline"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        said(f"git clone: {sum(1 for _ in clone.rglob('*.py'))} Python files")
        log = Path(folder) / "up.log"
        environment = {name: value for name, value in os.environ.items() if name not in ("TRUNKLINE_STATE", "VIRTUAL_ENV")}
        with log.open("wb") as output:
            up = subprocess.Popen(
                ["make", "up", f"UP_ARGS=--loopback {LOOPBACK}"], cwd=clone, stdout=output, stderr=output, env=environment,
                start_new_session=True,
            )  # fmt: skip
        try:
            link = follow(up, log, said)
            return look(clone, link, environment, said)
        finally:
            os.killpg(up.pid, signal.SIGINT)
            up.wait(timeout=60)
            said("ended")


def follow(up: subprocess.Popen[bytes], log: Path, said: object) -> str:
    """Prints what `make up` prints, as it does; the login link."""
    assert callable(said)
    seen = 0
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        lines = log.read_text(errors="replace").splitlines()
        for line in lines[seen:]:
            said(f"make up: {line}")
        seen = len(lines)
        found = LINK.search("\n".join(lines))
        if found and lines[-1].startswith("Ctrl-C"):
            return found[0]
        if up.poll() is not None:
            raise SystemExit(f"make up ended with {up.returncode}")
        time.sleep(LOOK_S)
    raise SystemExit(f"make up was not ready within {LIMIT_S:.0f} s")


def look(clone: Path, link: str, environment: dict[str, str], said: object) -> int:
    """The link, a call, the call on the page."""
    assert callable(said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(link)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("Waiting for your first INVITE")).to_be_visible(timeout=15_000)
        said("browser: logged in by the link; the page waits for the first INVITE")
        command = [clone / ".venv/bin/trunkline", "call", "place", "+31201234100", "--as", "acme/31000000"]
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=120, check=False)
        for line in done.stdout.splitlines():
            said(f"call: {line}")
        expect(page.get_by_role("region", name="Attempts as they arrive").get_by_text("answered")).to_be_visible(timeout=15_000)
        said("browser: the first call is seen, answered")
        browser.close()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
