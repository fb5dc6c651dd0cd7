"""Voluntary service: volunteers, hours, certificates."""
