"""The demo's targets are such as a manager could have set."""

from __future__ import annotations

import pytest

from demo.targets import WISHES
from rules.monitor.definitions import Better
from rules.monitor.measures import MEASURES


@pytest.mark.parametrize(("measure", "target", "amber"), WISHES)
def test_a_target_is_of_a_measure_with_a_better_side_and_amber_is_worse(measure: str, target: float, amber: float):
    better = MEASURES[measure].better
    assert better is not Better.NEITHER
    assert (amber < target) if better is Better.MORE else (amber > target)
