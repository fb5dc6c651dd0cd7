"""Protects what is asked at sign-up: which questions can be asked, and which answers are taken."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.activities.questions import (
    ANSWER_LENGTH_MAX,
    CHOICES_MAX,
    NUMBER_MAX,
    QUESTIONS_MAX,
    AnswersInvalid,
    QuestionsInvalid,
    check_answers,
    check_questions,
)


def asked(key: str = "diet", kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"key": key, "text": "有什么忌口？", "kind": kind, "choices": [], "required": False} | more


CHOICE = asked("size", "choice", choices=["S", "M"])


def faults_of(refusal: AnswersInvalid | QuestionsInvalid, language: str = "zh") -> dict[str, list[str]]:
    return refusal.details(language)


@pytest.mark.parametrize(
    ("question", "answer", "kept"),
    [
        (asked(), " 不吃辣 ", "不吃辣"),
        (asked(), "e\u0301", "\u00e9"),
        (asked(), "x" * ANSWER_LENGTH_MAX, "x" * ANSWER_LENGTH_MAX),
        (CHOICE, "M", "M"),
        (asked(kind="number"), -3, -3),
        (asked(kind="number"), NUMBER_MAX, NUMBER_MAX),
        (asked(kind="yes_no"), False, False),
    ],
)
def test_an_answer_that_fits_is_kept(question: dict[str, Any], answer: Any, kept: Any) -> None:
    assert check_answers([question], {question["key"]: answer}) == {question["key"]: kept}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (asked(), 3),
        (asked(), ["a"]),
        (asked(), "a\0b"),
        (asked(), "x" * (ANSWER_LENGTH_MAX + 1)),
        (CHOICE, "L"),
        (CHOICE, ["S"]),
        (CHOICE, {"S": 1}),
        (asked(kind="number"), "3"),
        (asked(kind="number"), 3.5),
        (asked(kind="number"), True),
        (asked(kind="number"), NUMBER_MAX + 1),
        (asked(kind="yes_no"), 1),
        (asked(kind="yes_no"), "yes"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_its_field(question: dict[str, Any], answer: Any) -> None:
    with pytest.raises(AnswersInvalid) as refused:
        check_answers([question], {question["key"]: answer})
    for language in ("zh", "en"):
        assert list(faults_of(refused.value, language)) == [f"answers.{question['key']}"]


@pytest.mark.parametrize("blank", [{}, {"diet": None}, {"diet": ""}, {"diet": "  "}, None])
def test_what_is_left_blank_is_left_out_or_missed(blank: dict[str, Any] | None) -> None:
    assert check_answers([asked()], blank) == {}
    with pytest.raises(AnswersInvalid) as refused:
        check_answers([asked(required=True)], blank)
    assert list(faults_of(refused.value)) == ["answers.diet"]


def test_an_answer_to_nothing_that_is_asked_is_refused() -> None:
    with pytest.raises(AnswersInvalid) as refused:
        check_answers([asked()], {"diet": "无", "k" * 100: "x"})
    assert list(faults_of(refused.value)) == [f"answers.{'k' * 40}"]
    assert check_answers([], None) == check_answers([], {}) == {}


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(AnswersInvalid) as refused:
        check_answers([asked("a", required=True), asked("b", "number"), CHOICE], {"b": "x", "size": "M", "c": 1})
    assert set(faults_of(refused.value)) == {"answers.a", "answers.b", "answers.c"}


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text(max_size=8)))
def test_whatever_is_answered_what_is_kept_answers_what_is_asked(answers: dict[str, Any]) -> None:
    questions = [asked("a"), asked("b", "number"), asked("c", "yes_no"), CHOICE]
    with suppress(AnswersInvalid):
        kept = check_answers(questions, answers)
        assert kept.keys() <= {"a", "b", "c", "size"}
        assert check_answers(questions, kept) == kept


def test_questions_are_kept_as_they_are_asked() -> None:
    assert check_questions([asked(), CHOICE]) == [asked(), CHOICE]


@pytest.mark.parametrize(
    ("questions", "field"),
    [
        ([asked(), asked()], "questions.1"),
        ([asked(choices=["a", "b"])], "questions.0"),
        ([asked(kind="choice", choices=["a"])], "questions.0"),
        ([asked(kind="choice", choices=["a", "a"])], "questions.0"),
        ([asked(kind="choice", choices=[str(n) for n in range(CHOICES_MAX + 1)])], "questions.0"),
        ([asked(f"q{n}") for n in range(QUESTIONS_MAX + 1)], "questions"),
    ],
    ids=["a key twice", "choices of a text", "one choice", "a choice twice", "too many choices", "too many questions"],
)
def test_questions_that_cannot_be_asked_are_refused(questions: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(QuestionsInvalid) as refused:
        check_questions(questions)
    assert list(faults_of(refused.value)) == list(faults_of(refused.value, "en")) == [field]
