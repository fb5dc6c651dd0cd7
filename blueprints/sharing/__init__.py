"""Codes and links that are shared."""
