"""Places in sessions.

| file | does |
|---|---|
| `places` | the guard: taking places and giving them back, in the database |
| `reserving`, `eligibility`, `desk` | who may have places: the activity's own words, the rulebook's |
| `waiting`, `seating` | who waits, in which order, and who is next |
| `offers` | a place that is held for an answer |
| `allocating`, `draw` | places given out at one moment: by priority, by lot; `draw` replays a lottery by itself |
| `cancelling`, `changes` | given back by a resident; moved or called off by an organiser |
| `attending`, `closing`, `appeals` | who came, who didn't, and who says otherwise |
| `paying` | points: held at sign-up, captured at check-in |
| `looking` | what residents and staff see |

Rows are locked in one order everywhere: session → reservation → event → standing → ledger. What changes `taken` or
`waiting` holds the session's row, so all that happens to the places of one session happens one after the other.
"""
