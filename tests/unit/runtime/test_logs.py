"""Logs are JSON lines and hold no secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from trunkline.runtime.logs import HIDDEN, configure_logs, logger

MADE_AT_IMPORT = logger("module")
"""Before logs are configured, as in the modules of services."""


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    output = io.StringIO()
    configure_logs("auth", "info", output)
    yield output
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_process_level_time_and_fields(stream: io.StringIO) -> None:
    logger("replica").info("replica opened", position=12)
    (line,) = lines(stream)
    assert line["event"] == "replica opened"
    assert line["process"] == "auth"
    assert line["level"] == "info"
    assert line["logger"] == "replica"
    assert line["position"] == 12
    assert "timestamp" in line


def test_a_logger_that_was_made_before_logs_were_configured_writes_like_any_other(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    MADE_AT_IMPORT.info("written", api_key="correct horse")
    (line,) = lines(stream)
    assert (line["event"], line["process"], line["logger"], line["api_key"]) == ("written", "auth", "module", HIDDEN)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["password", "new_password", "api_key", "Authorization", "ha1_md5", "service_key", "nats_token"])
def test_a_field_named_like_a_secret_is_hidden(stream: io.StringIO, name: str) -> None:
    logger("x").info("made", **{name: "correct horse"})
    assert "correct horse" not in stream.getvalue()
    assert lines(stream)[0][name] == HIDDEN


def test_a_secret_inside_a_nested_value_is_hidden(stream: io.StringIO) -> None:
    logger("x").info("made", request={"accounts": [{"username": "31000000", "password": "correct horse"}]})
    assert "correct horse" not in stream.getvalue()
    assert "31000000" in stream.getvalue()


def test_bytes_are_not_written(stream: io.StringIO) -> None:
    logger("x").info("made", content=b"\x01\x02\x03")
    assert lines(stream)[0]["content"] == "(3 bytes)"


def test_the_standard_librarys_logs_are_lines_alike(stream: io.StringIO) -> None:
    logging.getLogger("nats").warning("slow consumer %d", 3)
    (line,) = lines(stream)
    assert (line["event"], line["process"], line["level"]) == ("slow consumer 3", "auth", "warning")


def test_an_exception_is_told_with_its_place(stream: io.StringIO) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logger("x").exception("it failed")
    (line,) = lines(stream)
    assert "ValueError" in json.dumps(line["exception"])
    assert "broken" in json.dumps(line["exception"])


def test_local_variables_of_a_traceback_are_not_written(stream: io.StringIO) -> None:
    def fail(request: str) -> None:
        raise ValueError("broken")

    try:
        fail("correct " + "horse")
    except ValueError:
        logger("x").exception("it failed")
    assert "correct horse" not in stream.getvalue()
    assert '"locals": {' not in stream.getvalue() and '"locals": "' not in stream.getvalue()
