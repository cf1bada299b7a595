"""Fixtures of real servers."""

from helpers.secure_nats import nats_server

__all__ = ["nats_server"]
