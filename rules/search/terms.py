"""The terms under which a text is found, and the question that a query asks of them. One function for both engines.

Chinese has no spaces, so a title is cut into each of its characters and each two that follow one another, and whoever
types any part of it asks for these. Texts are cut into twos alone: by one character only titles are found. Letters and
digits are cut the same way, and into threes, as twos of letters are in nearly every text.

A title is found by its sound, too: by syllables, alone and two by two (`wu`, `wu_yue`), and by their initials, two to four
at a time (`xm`, `xms`, `xmsq`). A character with several common readings has the two commonest beside the one that its
word asks for. What is typed in letters is taken for all three: for letters, syllables, initials.

Whatever is written wide, narrow, in capitals or with marks above is folded to one form, character by character, so that
a part of a title folds to a part of the folded title. What is neither letter nor digit separates the words of a query,
all of which must be found, and nothing in a title.

A term begins with the town and the kind of thing, so no search reads another town's, or another kind's.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise, product
from typing import TypeAlias

from models.search import FoundKind
from rules.geography import Position
from rules.search.readings import SYLLABLES, is_read, readings_of

TEXT_MAX = 500  #: characters of a text that are looked at
INITIALS_MAX = 4  #: at a time
VARIANTS_MAX = 8  #: of what is read in several ways
SEGMENTATIONS_MAX = 6  #: of letters into syllables
SYLLABLE_MAX = 6  #: letters: zhuang
CELL_DEGREES = 0.005  #: half a kilometre
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: A letter for each kind. What is written in the index stays when the words of the enum change.
LETTERS = {
    FoundKind.COMMUNITY: "c",
    FoundKind.ESTATE: "e",
    FoundKind.CENTRE: "s",
    FoundKind.VENUE: "v",
    FoundKind.ACTIVITY: "a",
    FoundKind.GROUP: "g",
    FoundKind.SERVICE: "d",
    FoundKind.REWARD: "r",
}
#: What a term is about: a title's characters, a text's, a title's syllables, their initials, a place, a cell of the map.
TITLE, TEXT, SOUND, INITIALS, PLACE, CELL = "txpicg"


@dataclass(frozen=True, slots=True)
class All:
    """Every one of these."""

    of: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One of these."""

    of: tuple[Question, ...]


#: A term without its town and kind, or several.
Question: TypeAlias = str | All | Any


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody typed."""

    words: tuple[str, ...]
    folded: str  #: the words without what separates them
    in_title: Question
    anywhere: Question  #: in the title or in the text

    @property
    def is_latin(self) -> bool:
        """Whether it may be pinyin or initials."""
        return self.folded.isascii() and self.folded.isalpha()


def read_query(typed: str) -> Query | None:
    """The question that somebody's words ask; None when there is nothing in them to look for."""
    words = tuple(words_of(typed))
    if not words:
        return None
    return Query(
        words,
        "".join(words),
        All(tuple(_question(word, (TITLE,)) for word in words)),
        All(tuple(_question(word, (TITLE, TEXT)) for word in words)),
    )


def terms_of(
    town_id: int,
    kind: FoundKind,
    title: str,
    text: str,
    *,
    community_id: int | None = None,
    position: Position | None = None,
) -> str:
    """The terms under which something stands, one space between them."""
    folded = fold(title)
    runs = runs_of(folded)
    terms = {TITLE + gram for gram in (*folded, *_grams(folded))}
    terms.update(TEXT + gram for gram in _grams(fold(text[:TEXT_MAX])))
    terms.update(SOUND + sound for sound in _sounds(runs))
    terms.update(INITIALS + initials for initials in _initials(runs))
    if community_id is not None:
        terms.add(place_term(community_id))
    if position is not None:
        terms.add(cell_term(_cell(position)))
    prefix = prefix_of(town_id, kind)
    return " ".join(prefix + term for term in sorted(terms))


def prefix_of(town_id: int, kind: FoundKind) -> str:
    """What every term of a town's things of a kind begins with."""
    return f"{_base36(town_id)}_{LETTERS[kind]}"


def place_term(community_id: int) -> str:
    """The term of what belongs to a node of the tree."""
    return PLACE + _base36(community_id)


def cell_term(cell: tuple[int, int]) -> str:
    """The term of what lies in a cell of the map."""
    return f"{CELL}{cell[0]}_{cell[1]}"


def near(position: Position) -> Question:
    """The cell of a position and those around it, so at least all within half a kilometre. Cells are counted from 0."""
    north, east = _cell(position)
    around = ((north + n, east + e) for n in (-1, 0, 1) for e in (-1, 0, 1))
    return Any(tuple(cell_term(cell) for cell in around if min(cell) >= 0))


def fold(text: str) -> str:
    """A text's letters and digits in one form."""
    return "".join(map(fold_character, text))


@lru_cache(20_000)
def fold_character(character: str) -> str:
    """A letter or a digit in its one form, which may be several of them; nothing for anything else."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return "".join(each for each in plain if each.isalnum())


def words_of(typed: str) -> Iterator[str]:
    """The folded words of a query."""
    return iter("".join(fold_character(each) or " " for each in typed).split())


def runs_of(folded: str) -> list[list[tuple[str, ...]]]:
    """How a folded title is read: for each run of Chinese characters the readings of each, the likeliest first."""
    return [readings_of(run) for run in "".join(each if is_read(each) else " " for each in folded).split()]


def spelling_of(title: str) -> str:
    """A title in pinyin without tones, each character as its word asks for, the syllables apart."""
    return " ".join(readings[0] for run in runs_of(fold(title)) for readings in run)


def _question(word: str, scopes: Sequence[str]) -> Question:
    literal = _literally(word, scopes)
    if not (word.isascii() and word.isalpha()):
        return literal
    return Any((literal, *_by_sound(word), *_by_initials(word)))


def _literally(word: str, scopes: Sequence[str]) -> Question:
    if len(word) == 1:
        return TITLE + word
    return All(tuple(_somewhere(gram, scopes) for gram in _fewest_grams(word)))


def _somewhere(gram: str, scopes: Sequence[str]) -> Question:
    return scopes[0] + gram if len(scopes) == 1 else Any(tuple(scope + gram for scope in scopes))


def _by_sound(word: str) -> Iterator[Question]:
    for syllables in islice(_segmentations(word), SEGMENTATIONS_MAX):
        pairs = [f"{SOUND}{a}_{b}" for a, b in pairwise(syllables)]
        yield All(tuple(pairs)) if pairs else SOUND + syllables[0]


def _by_initials(word: str) -> Iterator[Question]:
    if len(word) > 1:
        size = min(len(word), INITIALS_MAX)
        yield All(tuple(INITIALS + gram for gram in _windows(word, size)))


def _segmentations(letters: str) -> Iterator[list[str]]:
    """The ways to read letters as syllables, those with long ones first."""
    if not letters:
        yield []
        return
    for size in range(min(SYLLABLE_MAX, len(letters)), 0, -1):
        if letters[:size] in SYLLABLES and _can_be_read(letters[size:]):
            for rest in _segmentations(letters[size:]):
                yield [letters[:size], *rest]


@lru_cache(1_000)
def _can_be_read(letters: str) -> bool:
    """Whether letters are syllables, to the last of them."""
    if not letters:
        return True
    sizes = range(1, min(SYLLABLE_MAX, len(letters)) + 1)
    return any(letters[:size] in SYLLABLES and _can_be_read(letters[size:]) for size in sizes)


def _sounds(runs: list[list[tuple[str, ...]]]) -> Iterator[str]:
    for run in runs:
        for readings in run:
            yield from readings
        for a, b in pairwise(run):
            yield from (f"{first}_{second}" for first, second in product(a, b))


def _initials(runs: list[list[tuple[str, ...]]]) -> Iterator[str]:
    for run in runs:
        letters = [sorted({reading[0] for reading in readings}) for readings in run]
        for size in range(2, INITIALS_MAX + 1):
            for start in range(len(letters) - size + 1):
                yield from map("".join, islice(product(*letters[start : start + size]), VARIANTS_MAX))


def _grams(folded: str) -> Iterator[str]:
    """Each two characters that follow one another, and each three letters or digits."""
    yield from _windows(folded, 2)
    yield from filter(str.isascii, _windows(folded, 3))


def _fewest_grams(word: str) -> Iterable[str]:
    """The grams of a word without those that longer ones hold."""
    threes = [gram for gram in _windows(word, 3) if gram.isascii()]
    held = {gram[n : n + 2] for gram in threes for n in (0, 1)}
    return dict.fromkeys([*threes, *(gram for gram in _windows(word, 2) if gram not in held)])


def _windows(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(len(text) - size + 1))


def _cell(position: Position) -> tuple[int, int]:
    return (
        math.floor((position.latitude + 90) / CELL_DEGREES),
        math.floor((position.longitude + 180) / CELL_DEGREES),
    )


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
        if not number:
            return digits
