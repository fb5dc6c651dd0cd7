"""Where a key of a TOML document stands. The standard reader doesn't tell, and a clerk wants to know.

It looks at headers (`[expiry]`, `[[earn]]`) and at keys that begin a line. Where a key stands inside a table that is
written in one line, its line is that one's; where it can't be found, that of the nearest table around it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import TypeAlias

#: ("earn", 2, "amount"): keys, and the numbers of lists' items from 0.
Path: TypeAlias = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)([^\[\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")


def key_of(path: Path) -> str:
    """A path in words: earn[2].amount, where the first item of a list is 1."""
    words = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path)
    return words.removeprefix(".") or "rulebook"


def lines_outside_texts(text: str) -> Iterator[tuple[int, str]]:
    """The lines in which keys may stand, numbered from 1: none inside a text of several lines."""
    is_inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if not is_inside:
            yield number, line
        is_inside ^= (line.count('"""') + line.count("'''")) % 2 == 1


#: What ends the state that a reader is in: outside of texts and comments (""), or in one that begins like this.
_ENDS = {
    "": re.compile(r"\"\"\"|'''|[\"'#.=,{}\[\]\n]"),
    "#": re.compile(r"\n"),
    '"': re.compile(r'\\.|["\n]'),
    "'": re.compile(r"['\n]"),
    '"""': re.compile(r'\\.|"{3,5}', re.DOTALL),
    "'''": re.compile(r"'{3,5}"),
}


def line_of_long_key(text: str, parts_max: int) -> int | None:
    """The line of the first key with more parts than this (`a.b.c` has three), wherever it stands; None: there is none.

    It reads each character once, whatever the document is.
    """
    state, dots = "", 0
    position = 0
    while found := _ENDS[state].search(text, position):
        position, mark = found.end(), found[0]
        if mark == "\n":
            state, dots = "", 0
        elif state:
            state = state if mark.startswith("\\") else ""
        elif mark == ".":
            dots += 1
            if dots >= parts_max:
                return text.count("\n", 0, position) + 1
        elif mark in _ENDS:
            state = mark
        else:
            dots = 0
    return None


class Lines:
    """The lines of a document's keys."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {(): 1}
        counts: dict[Path, int] = {}
        table: Path = ()
        for number, line in lines_outside_texts(text):
            if header := _HEADER.match(line):
                table = self._table(_parts(header[2]), counts, is_item=header[1] == "[[")
                for length in range(1, len(table) + 1):  # a list has the line of its first item
                    self._lines.setdefault(table[:length], number)
            elif found := _KEY.match(line):
                path: Path = table
                for part in _parts(found[1]):
                    path = (*path, part)
                    self._lines.setdefault(path, number)

    def line_of(self, path: Path) -> int:
        """The line of a key, or of what is nearest around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _table(self, parts: list[str], counts: dict[Path, int], *, is_item: bool) -> Path:
        """The path of a table from its header: the lists on the way stand for their latest items."""
        path: Path = ()
        for n, part in enumerate(parts):
            path = (*path, part)
            if is_item and n == len(parts) - 1:
                counts[path] = counts.get(path, -1) + 1
            if path in counts:
                path = (*path, counts[path])
        return path


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def line_of_syntax_error(error: tomllib.TOMLDecodeError, text: str) -> int:
    """The line that the standard reader names in its message."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else text.count("\n") + 1
