"""The books as a whole."""
