"""Stars and levels: all of a ladder in plain words, where the resident is on it, and what is missing to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.points.standings import Missing, Rung, show_standing
from rules.rulebook.sections.standing import Ladder
from rules.rulebook.versions import rulebook_in_force
from rules.rulebook.words_of_facts import Speaker, joined, number
from rules.rulebook.words_of_standing import ladder_in_words
from rules.work import Work


@dataclass(frozen=True, slots=True)
class LevelRights:
    """One level and what it gives."""

    id: str
    title: str
    words: str  #: what it asks for and gives, in one sentence
    rights: tuple[str, ...]
    is_reached: bool  #: in a ladder that repeats: in this round
    is_mine: bool  #: where the resident is now


@dataclass(frozen=True, slots=True)
class LadderRights:
    """One ladder."""

    id: str
    title: str
    words: str  #: how it works
    level_title: str | None  #: None: below the first level
    levels: tuple[LevelRights, ...]
    next_title: str | None  #: None: it goes no higher
    missing: tuple[str, ...]  #: "“服务时长”还差 30 小时"; none where something else than numbers is missing


@dataclass(frozen=True, slots=True)
class Rights:
    """Of all ladders of the rulebook in force."""

    rulebook: str | None  #: its name; None: there is none yet
    ladders: Sequence[LadderRights] = ()


def show_rights(work: Work) -> Rights:
    """The ladders of the rulebook in force, and where the actor, a resident, is on each."""
    in_force = rulebook_in_force(work, work.now)
    if in_force is None:
        return Rights(None)
    speaker = Speaker(in_force.rulebook)
    rungs = {rung.id: rung for rung in show_standing(work).ladders}
    return Rights(
        in_force.rulebook.name,
        [_ladder(speaker, ladder, rungs[ladder.id]) for ladder in in_force.rulebook.ladder],
    )


def _ladder(speaker: Speaker, ladder: Ladder, rung: Rung) -> LadderRights:
    head, *sentences = ladder_in_words(speaker, ladder)
    ids = [level.id for level in ladder.level]
    reached = ids.index(rung.level) + 1 if rung.level in ids else 0
    levels = tuple(
        LevelRights(
            level.id,
            level.title,
            sentence,
            tuple(right.title for right in level.rights),
            n < reached,
            n == reached - 1,
        )
        for n, (level, sentence) in enumerate(zip(ladder.level, sentences, strict=True))
    )
    missing = tuple(_missing_in_words(speaker, each) for each in rung.missing)
    return LadderRights(ladder.id, ladder.title, head, rung.level_title, levels, rung.next_title, missing)


def _missing_in_words(speaker: Speaker, missing: Missing) -> str:
    lacking = f"{number((missing.need - missing.have).normalize())} {speaker.unit_of_fact(missing.measure)}".strip()
    return joined(speaker.fact(missing.measure), "还差", lacking)
