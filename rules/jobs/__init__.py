"""What runs without a request: who may run it, what came of it, and whether it ran when it should have.

- **A run** is named by the job and by its slot, which says what it is for: a day, an hour. Who inserts the row runs the job,
  so however many processes wake up for a slot, one runs it (`runs`).
- **A term** is the time in which one process leads. Its number only rises. A claim names the term and is refused once
  there is a later one; a run that a leader of an earlier term left unfinished is taken up at once, because who began
  it is dead, or has been overtaken (`terms`).
- **A fence**: each claim of a run counts the attempt, and whatever the run writes proves in the same transaction that
  its attempt is still the last. One that was overtaken, because it was cut off or stood still, writes nothing more.
  So of two that run one slot one comes to its end (`runs.RunTransactions`).
- **A schedule** says when each job is due next. What wasn't begun in time is missed, whether or not anybody is there to
  run it (`watching`).

A job must still bear to be run twice for one slot: what the first one committed before it was overtaken stays.
"""
