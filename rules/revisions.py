"""What a process may keep of a town, and until when: as long as the town's revision stands.

Triggers of the database raise the revision in the very transaction that changes what is watched, whoever makes the change:
who of the staff is active and at which token version, roles, places and their paths, published rulebooks, books, the town's
name and host (step 0025 lists the columns). A revision that is read therefore proves that every change up to it is
committed, and what is read AFTER it is at least as new. It is read first, once in each unit of work; what is found then is
kept under it, and whoever reads another revision looks anew. So a role that was taken away is gone for the next request, in
every process.

What is kept under the last revision that was read is presumed to hold (rules.work): the revision is asked for then, waited
for at the end, and compared. Where it is another one, nothing of the work counts, and a second try reads it first.

A work that changes what is watched doesn't see its own change in the revision that it read before: it calls `forget`,
which lets it look in the database from then on and leave nothing behind. What a work found is kept when it has committed.
A server that takes over may have lost the last changes. It gives out no revision a second time (step 0025), so what was
kept under one that is lost is never found again. What was found at a revision that both servers know, a moment before a
change that only one of them knows, is forgotten with everything else when a process loses a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import bindparam, select

from models.revisions import TownRevision
from rules.sending import Reply
from rules.work import Outdated, Work

T = TypeVar("T")

FORGOTTEN = -1
_revision = select(TownRevision.revision).where(TownRevision.town_id == bindparam("town"))


def ask_revision(work: Work) -> None:
    """Send the question for the town's revision, so that it is answered together with the next one."""
    if work.town_id not in work.transaction.revisions:
        work.transaction.revisions[work.town_id] = work.send(_revision, {"town": work.town_id})


def take_revision(work: Work, asked: Reply) -> None:
    """Take the revision from a question that was sent before anything that is kept under it, where it comes first."""
    work.transaction.revisions.setdefault(work.town_id, asked)


def keep(work: Work, name: Hashable, find: Callable[[], T]) -> T:
    """What `find` finds in the database, found once for each process and revision of the town.

    `find` reads nothing but what is watched. `name`: what it is called in this town.
    """
    place = (work.town_id, name)
    kept: tuple[int, Any] | None = work.noticed.get(place) or work.memory.kept.get(place)
    if kept is not None and _is_presumed(work, kept[0]):
        return cast(T, kept[1])
    revision = _read_revision(work)
    if revision == FORGOTTEN:
        return find()
    if kept is None or kept[0] != revision:
        kept = work.noticed[place] = (revision, find())
    return cast(T, kept[1])


def forget(work: Work) -> None:
    """To be called by a rule that changes what is watched: this work looks in the database from now on."""
    work.transaction.revisions[work.town_id] = FORGOTTEN
    work.memory.revisions.put(work.town_id, FORGOTTEN)
    work.noticed.clear()


def _is_presumed(work: Work, revision: int) -> bool:
    """Whether this work may take the town's revision for this one: it has read it, or it was the last one that was read."""
    asked = work.transaction.revisions.get(work.town_id)
    if isinstance(asked, _Presumed):
        return asked.revision == revision
    if isinstance(asked, int) or not work.presumes or work.memory.revisions.get(work.town_id) != revision:
        return asked == revision
    ask_revision(work)
    presumed = _Presumed(work, work.transaction.revisions[work.town_id], revision)
    work.transaction.revisions[work.town_id] = presumed
    work.presume(presumed.confirm)
    return True


@dataclass(frozen=True, slots=True)
class _Presumed:
    """A revision that is asked for, and what it is taken for meanwhile."""

    work: Work
    asked: Reply
    revision: int

    def scalar(self) -> Any:
        return self.asked.scalar()

    def confirm(self) -> None:
        is_forgotten = self.work.transaction.revisions[self.work.town_id] == FORGOTTEN
        found = (self.asked.scalar() or 0) if is_forgotten else _note(self.work, self.asked)
        if found != self.revision:
            raise Outdated


def _read_revision(work: Work) -> int:
    ask_revision(work)
    revisions = work.transaction.revisions
    if not isinstance(revisions[work.town_id], int):
        revisions[work.town_id] = _note(work, revisions[work.town_id])
    return int(revisions[work.town_id])


def _note(work: Work, asked: Reply | _Presumed) -> int:
    """The revision that was asked for, which the next works presume."""
    revision: int = asked.scalar() or 0
    work.memory.revisions.put(work.town_id, revision)
    return revision
