"""What waits for the town's managers, and who wants to be seen in rankings. What is written here is invented."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from demo.making import RisingIds, Rows
from demo.people import People
from demo.places import Places
from models.moderation import Content, ContentDecision, ContentKind, ContentState, DecisionSource
from models.ranking import RankingChoice
from models.territory import Territory
from rules.moderation.terms import Terms

SHOWN_SHARE = 0.2
A_MOMENT = timedelta(milliseconds=300)  #: keeps these contents' ids from those of other rooms
#: What somebody wrote, what the filter found, and how many hours before midnight.
WAITING = (
    ("小区门口新开的理发店，充值返利，邻居们可以了解一下", "doubtful_word", 30),
    ("周末拼车去良渚，有要一起的吗？详情见 www.pinche-liangzhu.cn", "link", 9),
    ("老年大学合唱班拼团代报名，加群了解", "doubtful_word", 2),
)


def make_moderation(random: Random, places: Places, people: People, midnight: datetime) -> Rows:
    """Contents in review, the first of them overdue; and the choices of some residents and `resident-00001`."""
    paths = {row["id"]: row["path"] for row in places.rows[Territory]}
    everybody = people.circles[None, False].members
    rows: Rows = {Content: [], ContentDecision: [], RankingChoice: []}
    contents, decisions = RisingIds(), RisingIds()
    for text, label, hours in WAITING:
        who, at = random.choice(everybody[: len(everybody) // 2]), midnight - timedelta(hours=hours) + A_MOMENT
        content_id = contents.at(at)
        rows[Content].append(
            {
                "id": content_id,
                "kind": ContentKind.GROUP,
                "resident_id": who.id,
                "text": text,
                "place_path": paths[who.community_id],
                "state": ContentState.REVIEW,
                "label": label,
                "written_at": at,
                "review_since": at,
                "due_at": Terms().due_from(at),
                "open_reports": 0,
            }
        )
        rows[ContentDecision].append(
            {
                "id": decisions.at(at),
                "content_id": content_id,
                "source": DecisionSource.LOCAL,
                "state": ContentState.REVIEW,
                "label": label,
                "decided_at": at,
            }
        )
    shown = [people.first, *(who for who in everybody if random.random() < SHOWN_SHARE)]
    rows[RankingChoice] = [{"resident_id": who.id, "is_shown": True, "chosen_at": midnight} for who in shown]
    town_id = places.rows[Territory][0]["town_id"]
    return {table: [{"town_id": town_id, **row} for row in made] for table, made in rows.items()}
