"""Operations monitoring: numbers that are defined once, as of any moment, and can be traced to the rows they count.

The doctrine (docs/monitoring.md says it at length):

- A **family** is one statement that finds *facts*: a row for each thing that is counted, with its day, place, scene,
  operator, detail and counters. A **measure** is a counter of a family, summed, or one measure over another.
- A fact counts as of a moment when it had been **recorded** by then. Rows that change keep what they were
  (`rules.history`), so a statement as of a past moment finds today what it found then.
- A **snapshot** stores the sums of one day. What is recorded later about that day comes as a correction in a further
  snapshot; nothing stored is changed. A number as of a moment is made of the snapshots that had been stored by then, and,
  for the days after the last one, of the facts themselves.
- Drilling down is the same statement without the sum.
"""
