"""Which credentials no account names, and for how long. Pure: the time is an argument.

A credential is set before the account that names it; where the second step never came, or the account went away or got another password,
it stays behind. It is erased when it has been seen unused for long enough, counted from when this process first saw it so.
"""

from __future__ import annotations

from trunkline.domain.directory import Directory
from trunkline.domain.events import CredentialId, TenantId

ERASED_A_SWEEP = 100
"""Each is a commit; the rest waits for the next sweep."""

Key = tuple[TenantId, CredentialId]


class Orphans:
    """Remembers since when a credential has been unused."""

    def __init__(self, age_s: float) -> None:
        self._age_s = age_s
        self._since: dict[Key, float] = {}

    def due(self, directory: Directory, now_s: float) -> list[Key]:
        """Those to erase now, longest unused first, at most ERASED_A_SWEEP. `now_s` is a clock that never goes back."""
        unused = [key for key in tuple(directory.credentials) if not directory.is_credential_used(*key)]
        self._since = {key: self._since.get(key, now_s) for key in unused}
        old = sorted((since, key) for key, since in self._since.items() if now_s - since >= self._age_s)
        return [key for _, key in old[:ERASED_A_SWEEP]]
