"""Subjects: filters, and what a delivered message tells of its place."""

from __future__ import annotations

import pytest

from trunkline.eventlog.log import matches
from trunkline.eventlog.tail import AckSubject, parse_ack_subject


@pytest.mark.parametrize(
    ("subject_filter", "subject", "is_match"),
    [
        ("config.acl.acme.a", "config.acl.acme.a", True),
        ("config.acl.acme.a", "config.acl.acme.b", False),
        ("config.acl.acme.a", "config.acl.acme", False),
        ("config.acl.acme", "config.acl.acme.a", False),
        ("config.*.acme.>", "config.acl.acme.a", True),
        ("config.*.acme.>", "config.claim.acme.a.b", True),
        ("config.*.acme.>", "config.acl.acme", False),
        ("config.*.acme.>", "config.acl.beta.a", False),
        ("config.>", "config.x", True),
        ("config.>", "config", False),
        (">", "anything", True),
        ("config.*", "config.a.b", False),
        ("config.a*", "config.ab", False),
    ],
)
def test_filters_match_as_in_nats(subject_filter: str, subject: str, is_match: bool) -> None:
    assert matches(subject_filter, subject) is is_match


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.ACK.CONFIG.Yia9Gzkh.1.2.7.1795387393921365106.6",
        "$JS.ACK.eu.ACCHASH.CONFIG.Yia9Gzkh.1.2.7.1795387393921365106.6",
        "$JS.ACK.eu.ACCHASH.CONFIG.Yia9Gzkh.1.2.7.1795387393921365106.6.random",
    ],
    ids=["first form", "second form", "second form with more at its end"],
)
def test_both_forms_of_ack_subjects_are_read(subject: str) -> None:
    assert parse_ack_subject(subject) == AckSubject(2, 7, 1795387393921365106)


@pytest.mark.parametrize("subject", ["", "$JS.ACK.CONFIG", "$JS.ACK.CONFIG.a.b.c.d.e.f"])
def test_other_subjects_are_no_ack_subjects(subject: str) -> None:
    with pytest.raises(ValueError, match=r"ack subject|invalid literal"):
        parse_ack_subject(subject)
