"""The command line. It stands beside `app.py` because it needs the application's house, which the floor `jobs` doesn't know.

Each file is a group or a command; another one is registered in GROUPS.
"""

from commands import admin, database, jobs, ledger, monitor, rulebook, search

GROUPS = (admin.group, database.group, ledger.group, jobs.group, rulebook.group, search.group, monitor.group)
