"""Fixtures of real servers."""

from helpers.nats import nats_server

__all__ = ["nats_server"]
