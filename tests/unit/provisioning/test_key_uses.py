"""The file of the use of keys."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from trunkline.domain.events import TenantId
from trunkline.provisioning.key_uses import KeyUseBook

ACME, BETA = TenantId("acme"), TenantId("beta")
NOW_S = 1_800_000_030.0
MINUTE = 30_000_000


async def test_minutes_never_go_back_and_none_lies_in_the_future(tmp_path: Path) -> None:
    book = await KeyUseBook.open(tmp_path / "uses")
    assert book.last_use_s(ACME, "k1") == 0
    book.hear({(ACME, "k1"): MINUTE - 5}, NOW_S)
    book.hear({(ACME, "k1"): MINUTE - 9, (BETA, "k1"): MINUTE + 1_000}, NOW_S)
    assert (book.last_use_s(ACME, "k1"), book.last_use_s(BETA, "k1")) == (60 * (MINUTE - 5), 60 * MINUTE)
    await book.close()


async def test_what_was_kept_is_there_again_and_keys_that_are_gone_are_not(tmp_path: Path) -> None:
    book = await KeyUseBook.open(tmp_path / "uses")
    book.hear({(ACME, "k1"): MINUTE, (ACME, "k2"): MINUTE}, NOW_S)
    await book.keep()
    book.hear({(ACME, "k1"): MINUTE}, NOW_S)
    book.forget_others({(ACME, "k1")})
    await book.close()
    again = await KeyUseBook.open(tmp_path / "uses")
    assert dict(again.all) == {(ACME, "k1"): MINUTE}
    await again.close()


async def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "uses").write_bytes(b"no database " * 1_000)
    book = await KeyUseBook.open(tmp_path / "uses")
    assert not book.all and len(list(tmp_path.glob("uses.aside-*"))) == 1
    await book.close()


async def test_what_the_disk_does_not_take_is_kept_in_memory_and_written_the_next_time(tmp_path: Path) -> None:
    book = await KeyUseBook.open(tmp_path / "uses")
    book.hear({(ACME, "k1"): MINUTE, (ACME, "k2"): MINUTE}, NOW_S)
    await book.keep()
    with sqlite3.connect(tmp_path / "uses") as other:
        other.execute("ALTER TABLE uses RENAME TO elsewhere")
    book.hear({(BETA, "k1"): MINUTE}, NOW_S)
    book.forget_others({(ACME, "k1"), (BETA, "k1")})
    for failures in (1, 2):
        await book.keep()
        assert (book.failures, book.last_use_s(BETA, "k1")) == (failures, 60 * MINUTE)
    with sqlite3.connect(tmp_path / "uses") as other:
        other.execute("ALTER TABLE elsewhere RENAME TO uses")
    await book.keep()
    assert book.failures == 0
    await book.close()
    again = await KeyUseBook.open(tmp_path / "uses")
    assert dict(again.all) == {(ACME, "k1"): MINUTE, (BETA, "k1"): MINUTE}
    await again.close()


async def test_a_full_disk_keeps_nobody_from_stopping(tmp_path: Path) -> None:
    book = await KeyUseBook.open(tmp_path / "uses")
    book.hear({(ACME, "k1"): MINUTE}, NOW_S)
    with sqlite3.connect(tmp_path / "uses") as other:
        other.execute("DROP TABLE uses")
    await book.close()
    assert book.failures == 1
