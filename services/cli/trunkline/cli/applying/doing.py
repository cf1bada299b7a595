"""Carries out what was planned, one command after the other. It stops at the first that is refused: made again, a plan begins there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from trunkline.api.common.v1 import common_pb2
from trunkline.cli.applying import planning as do
from trunkline.cli.applying.asking import method_of, request_of
from trunkline.cli.commands.access import PASSWORD_BYTES
from trunkline.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceAsyncStub

Told = Callable[[str, str], None]
"""Username and the password that was made up for it."""


class Doer:
    """`told` is called before the account is made, so that no password is lost with an answer."""

    def __init__(self, stub: ProvisioningServiceAsyncStub, tenant: str, told: Told) -> None:
        self._stub = stub
        self._tenant = tenant
        self._told = told

    async def do(self, action: do.Action) -> common_pb2.Receipt:
        """Raises CommandError where a password is missing, AioRpcError."""
        request = request_of(action, self._tenant)
        request.write.request_id = secrets.token_hex(16)
        if isinstance(action, do.AddAccount):
            password = password_of(action.account.password_from)
            if not action.account.password_from:
                self._told(action.account.username, password)
            request.password = password  # type: ignore[union-attr]
        receipt: common_pb2.Receipt = (await getattr(self._stub, method_of(request))(request)).receipt
        return receipt


def password_of(variable: str) -> str:
    """Of the environment, or made up where no variable is named. Raises CommandError."""
    if not variable:
        return secrets.token_urlsafe(PASSWORD_BYTES)
    password = os.environ.get(variable, "")
    if not password:
        raise CommandError(f"{variable} holds no password", why="password_from names it", remedy=f"set {variable}", code=Exit.USAGE)
    return password
