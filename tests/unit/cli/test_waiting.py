"""The value of --wait, which may be left out."""

from __future__ import annotations

import pytest

from trunkline.cli.waiting import names_of, with_scope

PLACES = {"eu", "us", "eu1", "us1"}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--wait"], ["--wait=all"]),
        (["--wait", "-o", "json"], ["--wait=all", "-o", "json"]),
        (["--wait", "region"], ["--wait=region"]),
        (["--wait", "us,eu1"], ["--wait=us,eu1"]),
        (["domain", "create", "--wait", "acme"], ["domain", "create", "--wait=all", "acme"]),
        (["--wait=pop", "eu"], ["--wait=pop", "eu"]),
        (["acl", "list"], ["acl", "list"]),
    ],
)
def test_the_next_word_is_its_value_only_where_it_names_a_place(given: list[str], meant: list[str]) -> None:
    assert with_scope(given, PLACES) == meant


def test_what_is_asked_for() -> None:
    assert [names_of(scope, "eu") for scope in ("all", "pop", "region", "us,apac1")] == [[], [], ["eu"], ["us", "apac1"]]
