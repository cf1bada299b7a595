"""Settings files: every fault names file, key and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.runtime.settings import Name, ServiceSettings, Settings, SettingsError, load_settings

GOOD = """
name = "auth"
region = "eu"
realm = "sip.trunkline.test"
state_dir = "data/auth"
grpc_listen = "127.0.0.1:7000"
nats_url = "nats://127.0.0.1:4222"
operator_key_hash = "{hash}"
tls = {{ ca_file = "ca.crt", cert_file = "one.crt", key_file = "one.key" }}
home = "eu"
""".format(hash="ab" * 32)


class Pop(Settings):
    address: str
    region: Name


class Example(ServiceSettings):
    pops: dict[str, Pop] = {}  # noqa: RUF012 - pydantic copies it
    limit: int = 5


def load(tmp_path: Path, text: str) -> Example:
    path = tmp_path / "service.toml"
    path.write_text(text)
    return load_settings(Example, path)


def fault(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    return str(caught.value)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD + '[pops.eu1]\naddress = "127.0.0.1:1"\nregion = "eu"\n')
    assert settings.pops["eu1"].region == "eu"
    assert settings.tls.ca_file == Path("ca.crt")
    assert settings.limit == 5


def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    text = fault(tmp_path, GOOD + "limt = 6\n")
    assert str(tmp_path / "service.toml") in text
    assert "limt: is not a setting; did you mean 'limit'?" in text


def test_an_unknown_key_in_a_nested_table_is_named_with_its_way(tmp_path: Path) -> None:
    text = fault(tmp_path, GOOD + '[pops.eu1]\nadress = "127.0.0.1:1"\nregion = "eu"\n')
    assert "pops.eu1.adress: is not a setting; did you mean 'address'?" in text
    assert "pops.eu1.address: is missing" in text


def test_an_unknown_file_of_the_certificates_is_named_too(tmp_path: Path) -> None:
    text = fault(tmp_path, GOOD.replace("ca_file", "ca_fil"))
    assert "tls.ca_fil: is not a setting; did you mean 'ca_file'?" in text and "tls.ca_file: is missing" in text


def test_an_unknown_key_that_is_like_nothing_lists_what_is_known(tmp_path: Path) -> None:
    assert "zzz: is not a setting; known are: " in fault(tmp_path, GOOD + "zzz = 1\n")


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = fault(tmp_path, GOOD.replace('"127.0.0.1:7000"', '"127.0.0.1"').replace('region = "eu"\n', ""))
    assert "grpc_listen: '127.0.0.1' is not ADDRESS:PORT" in text
    assert "region: is missing" in text
    assert len(text.splitlines()) == 2


def test_a_hash_that_is_none_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    text = fault(tmp_path, GOOD.replace('operator_key_hash = "' + "ab" * 32, 'operator_key_hash = "the-key-itself'))
    assert "operator_key_hash: is not the SHA-256 of a key" in text
    assert "the-key-itself" not in text


def test_a_broken_file_is_named_with_the_line(tmp_path: Path) -> None:
    text = fault(tmp_path, "limit = 3\nlimit = = 3\n")
    assert "is not TOML" in text
    assert "line 2" in text


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read: No such file"):
        load_settings(Example, tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"name = \xff")
    with pytest.raises(SettingsError, match="byte 7 is not UTF-8"):
        load_settings(Example, path)
