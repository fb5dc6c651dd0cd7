"""What an event changed is kept as JSON, and comes back the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from rules.rulebook.standing import Frozen
from rules.rulebook.undoing import Brought, Trace

words = st.text(max_size=12)
counts = st.integers(-(10**12), 10**12)
rungs = st.tuples(words, st.integers(0, 99))
moments = st.integers(0, 4 * 10**12).map(lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC))
freezes = st.none() | st.builds(Frozen, moments, st.dictionaries(st.integers(0, 9), counts, max_size=3))
brought = st.builds(Brought, words, words, st.integers(0, 99), st.lists(st.tuples(words, words), max_size=3).map(tuple))
traces = st.builds(
    Trace,
    st.dictionaries(st.tuples(words, words), counts, max_size=4),
    st.dictionaries(words, st.tuples(rungs, rungs), max_size=3),
    st.lists(brought, max_size=3).map(tuple),
    st.dictionaries(words, st.tuples(freezes, freezes), max_size=3),
)


@given(traces)
def test_a_trace_comes_back_as_it_was_kept(trace: Trace) -> None:
    assert Trace.from_json(json.loads(json.dumps(trace.as_json()))) == trace
