"""Fixtures of the monitoring."""

from tests.monitor.small import auditor, engine, past

__all__ = ["auditor", "engine", "past"]
