"""`trunkline ban`: sources that no edge listens to (operators)."""

from __future__ import annotations

from collections.abc import Iterable

from cyclopts import App
from google.protobuf.duration_pb2 import Duration

from trunkline.api.auth.v1 import auth_pb2 as auth
from trunkline.cli.commands.calls import seconds
from trunkline.cli.connection import session
from trunkline.cli.options import LISTING, READING, BannedAddress, Listing, Reading
from trunkline.cli.output import clock, plain, show_list

ban = App(name="ban", help="Sources that no edge listens to, but for the domains whose ACLs list them (operators).")

COLUMNS = ["cidr", "reason", "issued", "until", "issuer"]


@ban.command(name="list")
async def list_bans(*, address: str = "", options: Listing = LISTING) -> None:
    """Lists the bans that hold, of all regions, the latest first.

    Parameters
    ----------
    address: Only those that cover this address or range.
    """
    async with session(is_operator=True) as connected:
        answer = await (await connected.auth()).ListBans(auth.ListBansRequest(address=address))
    _show(options, answer.bans, nothing="nobody is banned")


@ban.command(name="add")
async def add_ban(address: str, *, duration: str = "1h", reason: str = "", options: Reading = READING) -> None:
    """Bans an address or a range, everywhere.

    Parameters
    ----------
    address: Such as 192.0.2.7 or 2001:db8:1::/64.
    duration: Such as 30s, 10m, 24h; 7 days (168h) at most.
    reason: Shown in the list.
    """
    longest = Duration()
    longest.FromMicroseconds(round(seconds(duration) * 1_000_000))
    async with session(is_operator=True) as connected:
        request = auth.BanAddressRequest(address=address, duration=longest, reason=reason)
        answer = await (await connected.auth()).BanAddress(request)
    _show(options, [answer.ban], nothing="")


@ban.command(name="lift")
async def lift_ban(address: BannedAddress, *, options: Reading = READING) -> None:
    """Ends bans, everywhere, and forgets what was held against the address.

    Parameters
    ----------
    address: The range of a ban as `list` shows it, or an address that bans cover.
    """
    async with session(is_operator=True) as connected:
        answer = await (await connected.auth()).LiftBan(auth.LiftBanRequest(address=address))
    _show(options, answer.bans, nothing="")


def _show(options: Reading, bans: Iterable[auth.Ban], *, nothing: str) -> None:
    rows = [plain(row) for row in bans]
    short = [{**row, "issued": clock(row["issued_time"]), "until": clock(row["until_time"])} for row in rows]
    show_list(options.output, rows if options.is_data else short, COLUMNS, nothing=nothing)
