"""Signing in, and who I am."""
