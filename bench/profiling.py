"""Where a path's time goes: py-spy looks at one worker while it is asked, and nothing in it is changed.

Kept are whole stacks with how often each was seen, a line each ("collapsed"), which https://speedscope.app and flamegraph.pl
show. Printed is what was seen most, by itself and with what it called.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

SAMPLES_A_SECOND = 500
SHOWN = 30
LINE = re.compile(r":\d+\)$")  #: of a frame, which is "function (file:line)"


class Spy:
    """Watches a process from `start` to `stop`. It needs the right to trace it: the same user, or root."""

    def __init__(self, pid: int, file: Path) -> None:
        self._file = file
        command = [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid), "--rate"]
        command += [
            str(SAMPLES_A_SECOND),
            "--duration",
            "3600",
            "--format",
            "raw",
            "--output",
            str(file),
            "--nonblocking",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(1)

    def stop(self) -> str:
        """What was seen most."""
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=60)
        if not self._file.exists():
            raise SystemExit(f"py-spy saw nothing: {said.decode(errors='replace')}")
        return summarise(self._file.read_text("utf-8"))


def summarise(stacks: str) -> str:
    """The functions that were seen most often, in parts of a hundred."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    seen = 0
    for line in stacks.splitlines():
        stack, _, times = line.rpartition(" ")
        frames = [LINE.sub(")", frame) for frame in stack.split(";")]
        own[frames[-1]] += int(times)
        seen += int(times)
        for frame in dict.fromkeys(frames):
            whole[frame] += int(times)
    return "\n\n".join(
        f"{words}\n" + "\n".join(f"{100 * times / seen:5.1f} %  {frame}" for frame, times in counted.most_common(SHOWN))
        for words, counted in (("by itself", own), ("with what it called", whole))
        if seen
    )
