"""Residents' names as others may see them."""

from __future__ import annotations


def masked(name: str) -> str:
    """A name for a screen that others can see: 王小明 becomes 王**. Empty stays empty."""
    return name[:1] + "*" * (len(name) - 1)


def greeting(name: str, resident_id: int) -> str:
    """What others may see of a resident: the masked name, or four digits where there is none."""
    return masked(name) or f"居民{resident_id % 10_000:04}"
