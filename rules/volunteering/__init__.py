"""Voluntary service: who is a volunteer, and the hours."""

from rules.volunteering.registration import is_volunteer

__all__ = ["is_volunteer"]
