"""How long a start takes: `python3 bench/start.py` prints the seconds from `dev.py run` to the first answer, cold and warm.

Cold is an empty instance (migrating and seeding included, the environment is there already); warm is the same one again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "127.0.0.1:8079"


def seconds_to_first_answer(instance_dir: str) -> float:
    """Start, wait for the first answer, stop."""
    environment = os.environ | {"INSTANCE_DIR": instance_dir, "HTTP_ADDRESS": ADDRESS}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "dev.py", "run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{ADDRESS}/api/v1/communities", timeout=1):
                    return time.perf_counter() - began
            except OSError:  # urllib's own errors are some
                time.sleep(0.02)
        raise RuntimeError("the server didn't come up")
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(f"cold start: {seconds_to_first_answer(folder):.1f} s")
        for _ in range(3):
            print(f"warm start: {seconds_to_first_answer(folder):.1f} s")
