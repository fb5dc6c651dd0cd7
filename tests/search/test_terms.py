"""Whatever part of a title is typed asks for terms that the title has."""

from __future__ import annotations

import os

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.search import FoundKind
from rules.search.terms import All, Question, fold, prefix_of, read_query, terms_of

EXAMPLES = 2_000 if os.environ.get("BINFEN_LONG") else 80
LETTERS = st.sampled_from("星民社区五月长乐重庆亲子瑜伽３Ｄ打印 ABCxyz019ＡｂéÉẛ①½（）「」、·-_'\"%&|!:*\u0301ǅ가ß")
TITLES = st.lists(LETTERS | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=14).map("".join)


def has(terms: set[str], question: Question, prefix: str) -> bool:
    if isinstance(question, str):
        return prefix + question in terms
    holds = all if isinstance(question, All) else any
    return holds(has(terms, part, prefix) for part in question.of)


def finds(title: str, typed: str, text: str = "", *, town: int = 7) -> tuple[bool, bool]:
    """Whether what is typed is found in the title, and whether in the title or the text."""
    query = read_query(typed)
    assert query is not None
    terms = set(terms_of(town, FoundKind.GROUP, title, text).split(" "))
    prefix = prefix_of(town, FoundKind.GROUP)
    return has(terms, query.in_title, prefix), has(terms, query.anywhere, prefix)


@settings(max_examples=EXAMPLES, deadline=None, database=None)
@given(title=TITLES, data=st.data())
def test_whatever_part_of_a_title_is_typed_is_found(title: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(title) - 1))
    part = title[start : data.draw(st.integers(start + 1, len(title)))]
    assume(fold(part))
    assert finds(title, part) == (True, True)
    assert finds("无", part, text=title)[1] or len(fold(part)) == 1 or any(len(word) == 1 for word in words(part))


def words(typed: str) -> tuple[str, ...]:
    query = read_query(typed)
    return query.words if query else ()


@settings(max_examples=EXAMPLES, deadline=None, database=None)
@given(title=TITLES)
def test_a_term_is_one_word_of_its_town_and_kind_for_both_engines(title: str) -> None:
    prefix = prefix_of(7, FoundKind.GROUP)
    for term in terms_of(7, FoundKind.GROUP, title, title).split(" "):
        assert term.startswith(prefix) or term == ""
        assert all(each.isalnum() or each == "_" for each in term)
        assert not term.startswith(prefix_of(8, FoundKind.GROUP))


def test_nothing_to_look_for_is_no_query() -> None:
    assert read_query("，。 ！·—") is None


def test_all_words_must_be_there() -> None:
    assert finds("星民社区亲子瑜伽", "瑜伽 星民") == (True, True)
    assert finds("星民社区亲子瑜伽", "瑜伽 水电") == (False, False)
    assert finds("星民社区亲子瑜伽", "瑜伽 水电", text="水电社区") == (False, True)


def test_letters_are_found_by_threes_so_that_scattered_ones_are_not() -> None:
    assert finds("Python 入门", "thon")[0]
    assert not finds("py the hot ton", "python")[0]
