"""The sections of a rulebook and their keys, each declared once: docs/rulebook.md is made from these declarations.

| file | sections |
|---|---|
| `common` | what several sections share: limits, expiry, conditions |
| `accounts` | currencies, expiry, opening grants, who holds an account, transfers, conversion |
| `earning` | tallies, what earns, what costs, caps |
| `standing` | ladders of levels, freezes, penalties, warnings, rankings |
| `booking` | deadlines, quotas, grace, priority |
| `redemption` | what points may be spent on, when, how much |
"""
