"""People who have a place."""

from __future__ import annotations

from flask import Flask

from tests.build import ApiClient, Person, TownBuilder


def reserved(app: Flask, town: TownBuilder, session: int) -> Person:
    """A resident with a place."""
    resident = town.resident()
    answer = ApiClient(app, town).as_(resident).post(f"/sessions/{session}/reservations", {"party_size": 1})
    assert answer.status_code == 201, answer.text
    return resident
