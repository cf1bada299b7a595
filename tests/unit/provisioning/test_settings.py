from pathlib import Path

import pytest

from trunkline.provisioning.settings import ProvisioningSettings
from trunkline.runtime.settings import SettingsError, load_settings

COMMON = f"""
name = "provisioning"
region = "eu"
realm = "sip.trunkline.test"
state_dir = "data"
grpc_listen = "127.0.0.1:0"
nats_url = "nats://127.0.0.1:4222"
operator_key_hash = "{"0" * 64}"
tls = {{ ca_file = "ca.crt", cert_file = "one.crt", key_file = "one.key" }}
home = "eu"
auth_addresses = ["127.0.0.1:7001"]
"""
POP = '[[pops]]\nname = "eu1"\nregion = "eu"\nedge = "edge-eu1"\ngrpc_address = "127.0.0.1:7002"\n'


def loaded(path: Path, text: str) -> ProvisioningSettings:
    file = path / "provisioning.toml"
    file.write_text(text)
    return load_settings(ProvisioningSettings, file)


def test_the_settings_of_one_pop_are_taken(tmp_path: Path) -> None:
    settings = loaded(tmp_path, COMMON + POP)
    assert [(pop.name, pop.edge, pop.grpc_address) for pop in settings.pops] == [("eu1", "edge-eu1", "127.0.0.1:7002")]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (COMMON, "pops"),
        (COMMON + POP + POP, "twice"),
        (COMMON + POP.replace("grpc_address", "grpc_adress"), "grpc_adress"),
        (COMMON + POP.replace("127.0.0.1:7002", "somewhere"), "grpc_address"),
        (COMMON.replace("auth_addresses", "auth_addrses") + POP, "auth_addresses"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(SettingsError, match=part) as caught:
        loaded(tmp_path, text)
    assert "provisioning.toml" in str(caught.value)
