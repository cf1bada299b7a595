"""The key store: what it keeps, that nothing stands in it in the clear, and what it refuses."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from trunkline.auth.kek import KekError, load_or_create_kek
from trunkline.auth.key_store import KeyStore, KeyStoreError
from trunkline.auth.rotation import Plan, Purpose

KEK = b"K" * 32
PLAN = Plan(period_s=100, announce_s=10, overlap_s=1000)


def test_a_tenants_key_is_made_once_and_outlives_a_restart(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    key_id, key = store.sealing_key("acme")
    assert store.sealing_key("acme") == (key_id, key)
    assert len(key) == 32
    assert store.sealing_key("globex")[1] != key
    store.close()
    again = KeyStore(tmp_path / "keys.sqlite", KEK)
    assert again.tenant_key("acme", key_id) == key
    assert again.sealing_key("acme") == (key_id, key)
    assert again.tenant_key("acme", "other") is None
    again.close()


def test_a_key_is_on_disk_before_it_is_used(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    key_id, key = store.sealing_key("acme")
    other = KeyStore(tmp_path / "keys.sqlite", KEK)  # as after kill -9: the first was not closed
    assert other.tenant_key("acme", key_id) == key
    other.close()
    store.close()


def test_only_the_tenants_asked_for_are_given(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    for tenant in ("acme", "globex"):
        store.sealing_key(tenant)
    assert [tenant for tenant, _, _ in store.tenant_keys()] == ["acme", "globex"]
    assert [tenant for tenant, _, _ in store.tenant_keys(["globex", "nobody"])] == ["globex"]
    store.close()


def test_signing_keys_rotate_and_outlive_a_restart(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    assert store.rotate(Purpose.NONCE, PLAN, 1000)
    assert not store.rotate(Purpose.NONCE, PLAN, 1050)
    assert store.rotate(Purpose.NONCE, PLAN, 1090)
    assert store.rotate(Purpose.TOKEN, PLAN, 1090)
    before = {purpose: dict(store.signing_keys(purpose)) for purpose in Purpose}
    assert [len(before[purpose]) for purpose in Purpose] == [2, 1]
    store.close()
    again = KeyStore(tmp_path / "keys.sqlite", KEK)
    assert {purpose: dict(again.signing_keys(purpose)) for purpose in Purpose} == before
    again.close()


def test_a_key_that_is_over_is_deleted(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    for now_s in (1000, 1090, 2100):
        store.rotate(Purpose.NONCE, PLAN, now_s)
    store.close()
    again = KeyStore(tmp_path / "keys.sqlite", KEK)
    assert 0 not in again.signing_keys(Purpose.NONCE)
    again.close()


def test_no_key_stands_in_the_files_in_the_clear(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    keys = [store.sealing_key("acme")[1]]
    store.rotate(Purpose.NONCE, PLAN, 1000)
    keys += [key.key for key in store.signing_keys(Purpose.NONCE).values()]
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"acme" in content
    for key in (*keys, KEK):
        assert key not in content
        assert key.hex().encode() not in content
    store.close()


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    store.sealing_key("acme")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    store.close()


def test_another_kek_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    key = store.sealing_key("acme")
    store.close()
    with pytest.raises(KeyStoreError, match="another key encryption key"):
        KeyStore(tmp_path / "keys.sqlite", b"L" * 32)
    again = KeyStore(tmp_path / "keys.sqlite", KEK)
    assert again.sealing_key("acme") == key
    again.close()


def test_a_file_that_is_no_key_store_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys.sqlite"
    path.write_bytes(b"not a database, and long enough to be looked at" * 10)
    with pytest.raises(KeyStoreError, match="is not a key store or is damaged"):
        KeyStore(path, KEK)
    assert path.read_bytes().startswith(b"not a database")


def test_a_key_of_one_tenant_moved_to_another_does_not_open(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", KEK)
    store.sealing_key("acme")
    store._database.execute("UPDATE tenant_keys SET tenant = 'globex'")
    store._database.commit()
    store.close()
    with pytest.raises(KeyStoreError, match=r"tenant/globex/.* does not open"):
        KeyStore(tmp_path / "keys.sqlite", KEK)


def test_the_kek_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "kek"
    key = load_or_create_kek(path)
    assert len(key) == 32
    assert load_or_create_kek(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["kek"]


def test_a_kek_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    load_or_create_kek(path)
    path.chmod(0o640)
    with pytest.raises(KekError, match="chmod 600"):
        load_or_create_kek(path)


@pytest.mark.parametrize("content", ["", "abcd", "zz" * 32, "ab" * 33])
def test_a_kek_that_is_none_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kek"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KekError, match="64 hexadecimal digits"):
        load_or_create_kek(path)
    assert path.read_text() == content


def test_a_kek_that_is_a_link_is_refused(tmp_path: Path) -> None:
    load_or_create_kek(tmp_path / "kek")
    (tmp_path / "link").symlink_to(tmp_path / "kek")
    with pytest.raises(KekError, match="regular file"):
        load_or_create_kek(tmp_path / "link")
