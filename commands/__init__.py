"""The command line. It stands beside `app.py` because it needs the application's house, which the floor `jobs` doesn't know.

Each file is a group or a command; another one is registered in GROUPS.
"""

from commands import jobs, ledger, monitor, rulebook, search

GROUPS = (ledger.group, jobs.group, rulebook.group, search.group, monitor.group)
