"""The decisions. No web framework, no commit, no clock: a rule takes a unit of work, reads and writes, or refuses."""
