"""How Chinese characters are read, without tones: each by itself, and as the word asks for that it stands in.

The tables are pypinyin's, and so is the way to cut a text into words: from the left, the longest one each time. Of its
47,000 words 16,000 are kept: those that a reading hangs on, and the short ones that end as one of these begins (without
步行, a 行长 is found in 步行长廊). Then its own tables are emptied, which take 60 MB in each process: nobody else here asks
it. One text in a thousand of several words with such characters is read otherwise than it would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from pypinyin import phrases_dict, pinyin_dict
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.contrib.tone_convert import to_normal
from pypinyin.seg import mmseg

READINGS_MAX = 2  #: of a character, beside the one in its word
SHORT = 3  #: characters of a word

#: By a character's code point, the commonest first.
Characters = Mapping[int, tuple[str, ...]]
Words = Mapping[str, tuple[str, ...]]

_without_tone = cache(to_normal)


def is_read(character: str) -> bool:
    """Whether it is a Chinese character that has a reading."""
    return ord(character) in _characters


def readings_of(run: str) -> list[tuple[str, ...]]:
    """How each of some Chinese characters in a row is read: as its word asks for, then as it commonly is."""
    in_words = _read(run, _characters, _words)
    return [tuple(dict.fromkeys((first, *_characters[ord(each)]))) for first, each in zip(in_words, run, strict=True)]


def _read(run: str, characters: Characters, words: Words) -> list[str]:
    """The likeliest reading of each character."""
    read: list[str] = []
    while len(read) < len(run):
        read += _next_word(run, len(read), characters, words)
    return read


def _next_word(run: str, start: int, characters: Characters, words: Words) -> Sequence[str]:
    for end in range(min(len(run), start + WORD_MAX), start + 1, -1):
        if run[start:end] in words:
            return words[run[start:end]]
    return characters[ord(run[start])][:1]


def _take_characters() -> tuple[Characters, frozenset[str]]:
    """Every character's commonest readings, and all readings that there are. Equal ones are one object."""
    all_of = {code: tuple(dict.fromkeys(map(_without_tone, said.split(",")))) for code, said in PINYIN_DICT.items()}
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    few = {code: shared.setdefault(each[:READINGS_MAX], each[:READINGS_MAX]) for code, each in all_of.items()}
    return few, frozenset(reading for each in all_of.values() for reading in each)


def _take_words(characters: Characters) -> Words:
    """The words that aren't read as their characters mostly are, and those that keep such a one from being found in them,
    or across their end."""
    all_of = {word: tuple(_without_tone(each[0]) for each in said) for word, said in PHRASES_DICT.items()}
    by_character = {word: tuple(characters[ord(each)][0] for each in word) for word in all_of}
    unusual = {word: read for word, read in all_of.items() if read != by_character[word]}
    beginnings = {word[:size] for word in unusual for size in range(1, len(word))}

    def hides_one(word: str) -> bool:
        if len(word) <= SHORT and any(word[start:] in beginnings for start in range(1, len(word))):
            return True
        return tuple(_read(word, characters, unusual)) != all_of[word]

    return {word: read for word, read in all_of.items() if word in unusual or hides_one(word)}


def _empty_the_source() -> None:
    """Let go of what the library holds, beside what it was copied from."""
    for table in (PHRASES_DICT, PINYIN_DICT, phrases_dict.phrases_dict, pinyin_dict.pinyin_dict):
        table.clear()
    mmseg.p_set = mmseg.PrefixSet()
    mmseg.seg = mmseg.Seg(mmseg.p_set)
    _without_tone.cache_clear()


WORD_MAX = max(map(len, PHRASES_DICT))  #: characters
_characters, _readings = _take_characters()
_words = _take_words(_characters)
#: Every syllable of Mandarin, without the sounds that are none (hm, ng). A ü is a v, as it is typed.
SYLLABLES = frozenset(each for each in _readings if each.isascii() and not {*each}.isdisjoint("aeiouv"))
_empty_the_source()
