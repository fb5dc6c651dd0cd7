"""A reward's page: the reward with its pictures, and what the rulebook in force says of redeeming it."""

from __future__ import annotations

from types import SimpleNamespace

from rules.keys import Keys
from rules.rewards.pictures import with_its_pictures
from rules.rewards.redeeming import wanted_of
from rules.rewards.shelf import show_reward
from rules.rulebook.case import Case
from rules.rulebook.decision import Happening
from rules.rulebook.plan import REDEEMED
from rules.rulebook.redeeming import section_for
from rules.rulebook.sections.redemption import Refund
from rules.rulebook.standing import Standing
from rules.rulebook.versions import rulebook_in_force
from rules.rulebook.words_of_desk import redemption_in_words
from rules.rulebook.words_of_facts import Speaker
from rules.work import Work


def show_reward_page(work: Work, keys: Keys, reward_id: int) -> SimpleNamespace:
    """A reward for whoever looks, with the rule in words; without one where points can't be spent on it.

    Raises RewardUnknown, HostedByGovernment.
    """
    reward = with_its_pictures(work, keys, show_reward(work, reward_id))
    reward.rule = reward.pick_up_days = reward.is_refundable = None
    in_force = rulebook_in_force(work, work.now)
    if in_force is None:
        return reward
    wanted = wanted_of(reward, 0, 1)
    wish = Happening(REDEEMED, work.now, reward.title, {**wanted.facts, "points": wanted.points})
    section = section_for(Case(in_force.plan, wish, Standing()), wanted.kind)
    if section is not None:
        reward.rule = redemption_in_words(Speaker(in_force.rulebook), section)
        reward.pick_up_days, reward.is_refundable = section.pick_up_days, section.refund is Refund.UNTIL_PICK_UP
    return reward
