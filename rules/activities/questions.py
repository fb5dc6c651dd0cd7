"""What an activity asks at sign-up, and whether answers fit.

A question is kept as a JSON object: `key` names its answer, `text` is what is asked, `kind` says what an answer is,
`choices` lists what a choice may be (empty for the other kinds), `required` whether it must be answered. Answers are kept
by the keys of their questions, and those of a question that was dropped since stay with their reservation.

Pure: no work, no clock.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from rules.activities.refusals import Fault, FieldsInvalid
from rules.errors import Kind

QUESTIONS_MAX = 20
CHOICES_MIN = 2
CHOICES_MAX = 20
ANSWER_LENGTH_MAX = 500
NUMBER_MAX = 1_000_000_000
KEY_SHOWN_MAX = 40  #: characters of a key that is no question's, as it is said back

Question = Mapping[str, Any]


class QuestionKind(StrEnum):
    """What an answer is."""

    TEXT = "text"
    CHOICE = "choice"  #: one of the choices
    NUMBER = "number"  #: a whole number
    YES_NO = "yes_no"


class AnswersInvalid(FieldsInvalid):
    code = "activity.answers_invalid"
    kind = Kind.INVALID
    zh = "报名问题的回答有误，详见 errors。"
    en = "Some answers to the questions of sign-up are not valid; see errors."


class QuestionsInvalid(FieldsInvalid):
    code = "activity.questions_invalid"
    kind = Kind.INVALID
    zh = "报名问题的设置有误，详见 errors。"
    en = "Some questions can't be asked like this; see errors."


def check_questions(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The questions as they are kept. Raises QuestionsInvalid, field `questions.<index>`.

    That each has key, text, kind, choices and required, of the right types and lengths, is the caller's to see to.
    """
    faults: dict[str, Fault] = {}
    if len(questions) > QUESTIONS_MAX:
        faults["questions"] = Fault(f"最多 {QUESTIONS_MAX} 个问题。", f"At most {QUESTIONS_MAX} questions.")
    keys: set[str] = set()
    for index, question in enumerate(questions):
        fault = _fault_of_question(question, keys)
        keys.add(question["key"])
        if fault is not None:
            faults[f"questions.{index}"] = fault
    if faults:
        raise QuestionsInvalid(faults=faults)
    return [
        {
            "key": question["key"],
            "text": question["text"],
            "kind": QuestionKind(question["kind"]).value,
            "choices": list(question["choices"]),
            "required": question["required"],
        }
        for question in questions
    ]


def check_answers(questions: Sequence[Question], answers: Mapping[str, Any] | None) -> dict[str, Any]:
    """The answers as they are kept: by key, text trimmed, without those left blank.

    Raises AnswersInvalid, field `answers.<key>`: an answer that doesn't fit its question, a required one that is
    missing, an answer to nothing that is asked.
    """
    given = answers or {}
    faults: dict[str, Fault] = {}
    kept: dict[str, Any] = {}
    for question in questions:
        key = question["key"]
        answer = given.get(key)
        if isinstance(answer, str):
            answer = unicodedata.normalize("NFC", answer).strip()
        if answer is None or answer == "":
            if question["required"]:
                faults[f"answers.{key}"] = Fault("请回答这个问题。", "This question must be answered.")
            continue
        fault = _CHECKS[QuestionKind(question["kind"])](question, answer)
        if fault is None:
            kept[key] = answer
        else:
            faults[f"answers.{key}"] = fault
    asked = {question["key"] for question in questions}
    for key in given:
        if key not in asked:
            faults[f"answers.{key[:KEY_SHOWN_MAX]}"] = Fault("没有这个问题。", "This is not asked.")
    if faults:
        raise AnswersInvalid(faults=faults)
    return kept


def _fault_of_question(question: Question, keys_before: set[str]) -> Fault | None:
    if question["key"] in keys_before:
        return Fault("key 重复。", "Another question has this key.")
    choices = question["choices"]
    if question["kind"] != QuestionKind.CHOICE:
        return Fault("只有选择题可以有选项。", "Only a choice has choices.") if choices else None
    if not CHOICES_MIN <= len(choices) <= CHOICES_MAX:
        return Fault(
            f"选择题须有 {CHOICES_MIN} 到 {CHOICES_MAX} 个选项。",
            f"A choice needs {CHOICES_MIN} to {CHOICES_MAX} choices.",
        )
    if len(set(choices)) < len(choices):
        return Fault("选项重复。", "Two choices are the same.")
    return None


def _fault_of_text(_question: Question, answer: object) -> Fault | None:
    if not isinstance(answer, str):
        return Fault("请填写文字。", "The answer is text.")
    if len(answer) > ANSWER_LENGTH_MAX:
        return Fault(f"最多 {ANSWER_LENGTH_MAX} 个字。", f"At most {ANSWER_LENGTH_MAX} characters.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t" for character in answer):
        return Fault("不能含有控制字符。", "No control characters.")
    return None


def _fault_of_choice(question: Question, answer: object) -> Fault | None:
    if answer in question["choices"]:
        return None
    listed = "、".join(question["choices"])
    return Fault(f"请选择其中一项：{listed}。", f"Choose one of: {', '.join(question['choices'])}.")


def _fault_of_number(_question: Question, answer: object) -> Fault | None:
    if type(answer) is int and -NUMBER_MAX <= answer <= NUMBER_MAX:
        return None
    return Fault(f"请填写不超过 {NUMBER_MAX} 的整数。", f"A whole number of at most {NUMBER_MAX}.")


def _fault_of_yes_no(_question: Question, answer: object) -> Fault | None:
    return None if isinstance(answer, bool) else Fault("请选择是或否。", "Answer with true or false.")


_CHECKS: dict[QuestionKind, Callable[[Question, object], Fault | None]] = {
    QuestionKind.TEXT: _fault_of_text,
    QuestionKind.CHOICE: _fault_of_choice,
    QuestionKind.NUMBER: _fault_of_number,
    QuestionKind.YES_NO: _fault_of_yes_no,
}
