"""Who is let in to ask: so many requests a key, and so many tries of a source with keys that nobody has.

Keys are looked at by the services; here only their hashes are kept, in memory. A key that was good lately is heard even where others at its
source guess: behind one address there may be a whole office.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from typing import Final

from trunkline.rest.problems import Refused
from trunkline.runtime.buckets import Buckets, one_source
from trunkline.runtime.errors import Problem

MAX_GOOD: Final = 10_000
"""Keys remembered as good, the last used."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,512}")


class Gate:
    """Times are of a clock that only goes on."""

    def __init__(self, by_key: Buckets, by_source: Buckets) -> None:
        self._by_key = by_key
        self._by_source = by_source
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def enter(self, authorization: str, source: str, now_s: float) -> str:
        """The key that a request brings, which may be asked with. Raises Refused."""
        scheme, _, key = authorization.partition(" ")
        key = key.strip()
        hashed = _hash(key)
        if hashed not in self._good:
            wait_s = self._by_source.wait_s(one_source(source), now_s)
            if wait_s > 0:
                message = f"{source} has sent too many keys that nobody has."
                raise Refused(Problem("RESOURCE_EXHAUSTED", "TOO_MANY_FAILED_LOGINS", message, remedy="Wait, and check the key."), wait_s)
        if scheme.lower() != "bearer" or not _KEY.fullmatch(key):
            self.failed(key, source, now_s)
            raise Refused(
                Problem("UNAUTHENTICATED", "NO_VALID_API_KEY", "There is no API key.", "Authorization", "Send 'Authorization: Bearer KEY'.")
            )
        wait_s = self._by_key.take(hashed.hex(), now_s)
        if wait_s > 0:
            message = f"More than {self._by_key.per_s:g} requests a second with one key."
            raise Refused(Problem("RESOURCE_EXHAUSTED", "RATE_EXCEEDED", message, remedy="Ask again after Retry-After."), wait_s)
        return key

    def succeeded(self, key: str) -> None:
        """A service has answered the key."""
        hashed = _hash(key)
        self._good[hashed] = None
        self._good.move_to_end(hashed)
        if len(self._good) > MAX_GOOD:
            self._good.popitem(last=False)

    def failed(self, key: str, source: str, now_s: float) -> None:
        """A service knows no such key, or it has ended."""
        self._good.pop(_hash(key), None)
        self._by_source.take(one_source(source), now_s)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
