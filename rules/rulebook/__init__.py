"""A community's rules of points, as data: the document, its versions, and what it says about an event.

| file | does |
|---|---|
| `sections/` | every key of a document, declared once |
| `reading`, `conditions`, `periods`, `lines` | how keys are read, and how errors name them |
| `document`, `agreement` | from a document to a rulebook; what its sections must agree on |
| `plan` | a rulebook made ready: rules by the event they speak of, numbers as whole numbers |
| `evaluation`, `case`, `computing`, `limits`, `consequences`, `expiring` | what follows from an event; pure |
| `decision`, `standing` | what comes out of it, and what goes in |
| `booking`, `redeeming`, `transferring`, `ranking` | what the rules say at the desk; pure |
| `words`, `words_of_…`, `reference` | the rules in plain words, and the reference of the keys, made from the data |
| `replaying` | a draft held against a past period; pure |
| `versions`, `drafts`, `catalogue`, `standings` | what is kept in the database |
| `published/` | rules of real towns, each with its source |

Points are moved by `rules.points.events`, which hands an event to `evaluation` and the outcome to the ledger.
"""
