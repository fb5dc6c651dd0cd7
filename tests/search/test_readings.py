"""Titles are read as pypinyin reads them, whose tables are thinned out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rules.search.terms import spelling_of

#: In a process of its own, which asks the library before its tables are emptied.
COMPARE = """
from pypinyin import Style, pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

def read(text):
    return [each[0] for each in pinyin(text, style=Style.NORMAL)]

texts = [*PHRASES_DICT, *map(chr, PINYIN_DICT)]
expected = [read(text) for text in texts]

from rules.search.readings import readings_of

assert not PHRASES_DICT and not PINYIN_DICT
other = [text for text, said in zip(texts, expected) if [each[0] for each in readings_of(text)] != said]
print(len(texts), other)
"""


def test_every_word_and_every_character_is_read_as_the_library_reads_it() -> None:
    done = subprocess.run([sys.executable, "-c", COMPARE], capture_output=True, text=True, check=True, timeout=120)
    count, _, other = done.stdout.strip().partition(" ")
    assert int(count) > 80_000
    assert other == "[]"


@pytest.mark.parametrize(
    ("title", "spelling"),
    [
        ("流行音乐节", "liu xing yin yue jie"),
        ("行长的重阳茶话会", "hang zhang de chong yang cha hua hui"),
        # where one word ends and another seems to begin
        ("步行长廊", "bu xing chang lang"),
        ("流行乐队", "liu xing yue dui"),
        ("举行长者生日会", "ju xing zhang zhe sheng ri hui"),
    ],
)
def test_a_word_is_not_found_across_the_end_of_another(title: str, spelling: str) -> None:
    assert spelling_of(title) == spelling
