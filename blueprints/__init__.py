"""The HTTP edge: parse, call one rule, dump."""
