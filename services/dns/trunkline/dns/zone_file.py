"""The zone as a file (RFC 1035 §5), for a server that reads one. Written beside and renamed, so that nobody ever reads half of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import dns.exception
import dns.zone

from trunkline.dns.copies import Change, Copy, Sets
from trunkline.dns.dynamic_update import MARKER, MARKER_TTL_S, copy_of
from trunkline.dns.holders import HolderProblem, Overtaken
from trunkline.dns.zone import head_of
from trunkline.domain.events import Position

RELOAD_LIMIT_S: Final = 20.0
OUTPUT_LIMIT: Final = 500
"""Characters of what the command said that are told of its failure."""


class ZoneFile:
    """The Holder of one file; `reload` is a command that is run when it was written, with its words, or empty. One process writes it."""

    def __init__(self, path: Path, reload: Sequence[str], realm: str, servers: Sequence[tuple[str, Sequence[str]]]) -> None:
        """`servers`: labels below the realm and addresses, for the NS records."""
        self._path = path
        self._reload = tuple(reload)
        self._realm = realm
        self._servers = servers
        self._kept = frozenset(label for label, _ in servers)
        self._is_told = True

    @property
    def name(self) -> str:
        return f"file {self._path}"

    async def read(self) -> Copy:
        if not self._is_told:
            # The last write is in the file already: nothing differs, and nobody would run the command again.
            await self._tell()
        return await asyncio.to_thread(self._read)

    def _read(self) -> Copy:
        zone = self._zone()
        return Copy(None, {}) if zone is None else copy_of(zone, self._realm, self._kept)

    def _zone(self) -> dns.zone.Zone | None:
        if not self._path.exists():
            return None
        try:
            return dns.zone.from_file(str(self._path), origin=self._realm, relativize=False)
        except (OSError, dns.exception.DNSException, ValueError) as error:
            raise HolderProblem(f"{self.name} cannot be read: {error}. Remove it: it is written anew then") from error

    async def write(self, changes: Sequence[Change], wanted: Sets, before: Position | None, position: Position) -> None:
        await asyncio.to_thread(self._write, wanted, before, position)
        self._is_told = not self._reload
        if self._reload:
            await self._tell()

    def _write(self, wanted: Sets, before: Position | None, position: Position) -> None:
        zone = self._zone()
        if zone is not None and copy_of(zone, self._realm, self._kept).position != before:
            raise Overtaken(f"{self.name} was written by another since it was read")
        # The position where it can be: points of presence go down at one position too, and secondaries look at the serial.
        serial = position if zone is None else max(position, zone.get_soa().serial + 1)
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            with beside.open("w", encoding="ascii") as file:
                file.writelines(f"{line}\n" for line in self._lines(wanted, position, serial))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise HolderProblem(f"{self.name} cannot be written: {error}. See to its folder's permissions and space") from error

    def _lines(self, wanted: Sets, position: Position, serial: int) -> list[str]:
        lines = ["; Written by trunkline-dns: changes are lost."]
        lines += head_of(self._realm, self._servers, serial)
        lines.append(f'{MARKER}.{self._realm}. {MARKER_TTL_S} IN TXT "position={position}"')
        for (name, kind), held in wanted.items():
            lines += [f"{name}. {held.ttl_s} IN {kind} {record}" for record in sorted(held.records)]
        return lines

    async def _tell(self) -> None:
        await asyncio.to_thread(self._run)
        self._is_told = True

    def _run(self) -> None:
        # Not by the event loop: uvloop forks, and a fork of a process in which gRPC has threads may crash before it is another program.
        command = self._reload[0]
        try:
            done = subprocess.run(
                self._reload,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=RELOAD_LIMIT_S,
                check=False,
            )
        except OSError as error:
            raise HolderProblem(f"{self.name}: {command} cannot be started: {error}. See to zone_file.reload") from error
        except subprocess.TimeoutExpired as error:
            raise HolderProblem(f"{self.name}: {command} did not end within {RELOAD_LIMIT_S:g} s. See to zone_file.reload") from error
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace").strip()[-OUTPUT_LIMIT:]
            raise HolderProblem(f"{self.name}: {command} ended with {done.returncode}: {said}. See to zone_file.reload")
