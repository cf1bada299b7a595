import configparser
import re
from xml.etree import ElementTree as ET

import pytest

from trunkline.dns.pbx import PBX_KINDS, TRANSPORTS, Names, choose_account, pbx_settings
from trunkline.domain.errors import Refusal

NAMES = Names("acme", "acme.sip.example.com", "sip.example.com", ("192.0.2.1", "2001:db8::1"))


def made(pbx: str, transport: str = "tls", account: str = "office") -> str:
    files, _ = pbx_settings(pbx, transport, NAMES, account, ("MD5",))
    return "".join(content for _, content in files)


@pytest.mark.parametrize("pbx", PBX_KINDS)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("account", ["office", ""])
def test_nothing_of_a_template_is_left(pbx: str, transport: str, account: str) -> None:
    text = made(pbx, transport, account)
    assert NAMES.host in text
    assert not re.search(r"^(account|address|udp|tcp|tls)[,?]", text, re.MULTILINE)
    assert ("office" in text, "PASSWORD" in text) == (bool(account), bool(account))
    without_own = re.sub(r"bind=0\.0\.0\.0:\d+|listen=tls:ADDRESS:5061", "", text)
    assert not re.search(r":506[01]\b", without_own), "a port keeps clients from asking for SRV"


def test_asterisk_reads_its_sections() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=(";",), inline_comment_prefixes=None)
    parser.read_string(made("asterisk"))
    assert parser["acme"]["outbound_auth"] == "acme-auth" and parser["acme-auth"]["username"] == "office"
    assert parser[parser["acme"]["transport"]]["allow_wildcard_certs"] == "yes"
    assert "allow_wildcard_certs" not in made("asterisk", "udp") and "auth" not in made("asterisk", account="")


def test_freeswitch_reads_its_gateway() -> None:
    gateway = ET.fromstring(made("freeswitch", "tcp")).find("gateway")
    assert gateway is not None
    values = {each.get("name"): each.get("value") for each in gateway}
    assert (values["proxy"], values["username"], values["register-transport"]) == (NAMES.host, "office", "tcp")
    assert values["register"] == "false"


def test_asterisk_knows_every_option_of_its_objects() -> None:
    """One that it does not know keeps the whole object from being loaded; these are of the manual of res_pjsip, Asterisk 20."""
    known = {
        "transport": {"protocol", "bind", "method", "verify_server", "ca_list_file", "allow_wildcard_certs"},
        "aor": {"contact", "qualify_frequency"},
        "auth": {"auth_type", "username", "password"},
        "endpoint": {"transport", "context", "disallow", "allow", "aors", "outbound_auth", "from_user", "from_domain"},
    }
    known["endpoint"] |= {"rewrite_contact", "direct_media"}
    for transport in TRANSPORTS:
        for account in ("office", ""):
            for section in re.split(r"^\[.*\]$", made("asterisk", transport, account), flags=re.MULTILINE)[1:]:
                options = dict(line.split("=", 1) for line in section.splitlines() if "=" in line)
                assert set(options) - {"type"} <= known[options["type"]], section


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("account", ["office", ""])
def test_freeswitch_is_well_formed_and_says_what_tls_needs(transport: str, account: str) -> None:
    text = made("freeswitch", transport, account)
    ET.fromstring(text)
    assert ("external_ssl_enable=true" in text) == (transport == "tls")


def test_3cx_is_told_what_its_manual_says_of_authentication_and_tls() -> None:
    assert "Outgoing - Outbound Only" in made("3cx") and "Do not require - IP Based" in made("3cx", account="")
    assert "no wildcard" in made("3cx", "tls") and "no wildcard" not in made("3cx", "udp")
    assert "with an account only" in made("3cx", "tls", "") and "with an account only" not in made("3cx", "tcp", "")


def test_kamailio_has_a_file_for_tls_where_it_speaks_it() -> None:
    def names(transport: str) -> list[str]:
        files, _ = pbx_settings("kamailio", transport, NAMES, "office", ("MD5",))
        return [name for name, _ in files]

    assert names("udp") == names("tcp") == ["trunkline.cfg"] and names("tls") == ["tls.cfg", "trunkline.cfg"]


def test_a_username_that_a_uri_cannot_hold_is_escaped_there_only() -> None:
    text = made("baresip", account="a@b")
    assert "<sip:a%40b@acme." in text and ";auth_user=a@b;" in text


def test_notes_say_what_else_has_to_be_known() -> None:
    _, notes = pbx_settings("kamailio", "udp", NAMES, "office", ("SHA-256", "MD5"))
    assert any("trunkline domain digest acme MD5" in note for note in notes)
    assert any("192.0.2.1, 2001:db8::1" in note for note in notes)
    _, notes = pbx_settings("asterisk", "udp", NAMES, "", ("MD5",))
    assert any("known by its address" in note for note in notes)


def test_the_account_is_the_one_named_or_the_first() -> None:
    assert choose_account(["a", "b"], "", "acme") == "a"
    assert choose_account(["a", "b"], "b", "acme") == "b"
    assert choose_account([], "", "acme") == ""
    with pytest.raises(Refusal, match="No account 'c' may call"):
        choose_account(["a", "b"], "c", "acme")


@pytest.mark.parametrize(("pbx", "transport"), [("skype", "udp"), ("asterisk", "sctp"), ("", "udp")])
def test_what_is_not_known_is_refused(pbx: str, transport: str) -> None:
    with pytest.raises(Refusal):
        pbx_settings(pbx, transport, NAMES, "office", ("MD5",))
