"""What it does a second, what it takes, and why: `python3 dev.py bench`. How to read it: docs/performance.md.

`town.py` makes the town, `serving.py` serves it, `load.py` asks, `floors.py` is what it is compared with, `measuring.py`
looks at processes and at the database, `results.py` keeps and shows what came of it. `door.py`, `reads.py` and `books.py`
each know a few arms: what is asked, and which answer is right. `entry.py`, `ledger.py`, `monitor.py`, `rulebook.py` and
`start.py` go deeper into one room each and are run by themselves.
"""
