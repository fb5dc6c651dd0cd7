"""Checking in.

| file | does |
|---|---|
| `signing`, `codes`, `door_codes`, `cards` | what is shown at a door, signed |
| `identifying`, `roster_search` | who stands there |
| `scans` | a scan, answered once |
| `deciding`, `answers` | who is let in or out, what it pays, and how it is told |
| `visits`, `presence`, `closing` | what scans add up to; that in the database; what nobody ended |
| `offline` | the pack of a door without a network, and scans that are sent later |
| `undoing` | a scan that was wrong |
| `looking` | what staff see |
"""
