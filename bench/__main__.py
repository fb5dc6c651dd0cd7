"""What it does a second, and what that takes: `python3 dev.py bench`. How to read the table: docs/performance.md.

One run: one PostgreSQL of its own with fsync on; for each size a database with the demo town so many times, and this house
under uWSGI by `wsgi.ini` with 2 worker processes; the floors under the same server; and 8 clients in one process. All of
it on the cores of one machine, so what counts is the ratios. Arms take turns in rounds, every answer is checked, and at
the end the database is counted. Two sizes in one run can be held against each other: `--size 1 100`.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.results import load, render, save
from bench.run import GROUPS, PROFILED, Bench


def main() -> None:
    options = read_options()
    if options.table:
        for file in options.table:
            print(render(load(file)))
        return
    with ExitStack() as stack:
        bench = Bench(stack, options)
        if options.profile:
            bench.profile(options.profile, options.into)
            return
        results = bench.run()
    if options.json:
        save(results, options.json)
    print(f"\n{render(results)}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev.py bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--size", type=int, nargs="+", default=[1], help="of the town, in demo towns: 1, 10, 100; or several")
    add("--only", nargs="+", choices=GROUPS, default=["reads", "monitor", "ledger", "door"])
    add("--requests", type=int, default=800, help="of each arm in a round; what takes long has fewer")
    add("--rounds", type=int, default=8)
    add("--memory", type=int, default=100_000, help="requests of all kinds, with `--only … memory`")
    add("--shards", type=int, default=1, help="of the pool that pays: with one, all scans meet at its row")
    add("--against", type=Path, help="another checkout of the same schema, which serves the same towns in turn")
    add("--audit", action="store_true", help="prove the ledgers at the end")
    add("--json", type=Path, help="the file that keeps the results")
    add("--table", type=Path, nargs="+", help="show results that were kept, as Markdown, and do no more")
    add("--profile", nargs="+", choices=PROFILED, help="look where the time of a path goes, and do no more")
    add("--into", type=Path, default=Path(tempfile.gettempdir()) / "binfen-profiles", help="the folder for profiles")
    return parser.parse_args()


if __name__ == "__main__":
    main()
