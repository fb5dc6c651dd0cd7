"""Rooms and courts."""
