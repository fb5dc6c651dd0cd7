"""The tests."""

import gc
import os
import sys

#: Everything that is imported, and the applications of many tests, stay in memory: the collector looks through them seldom.
gc.set_threshold(100_000, 50, 100)
#: Tests start dozens of processes, each of which would compile the whole house anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
