"""Rooms and courts: found, booked, opened and closed.

| file | does |
|---|---|
| `slots` | the guard: who has which part of a room for which quarter of an hour |
| `occupancy` | the same for sessions of activities |
| `usage` | the guard of weekly limits: how many bookings count on whose account |
| `hours` | when a room is open, and how its days are cut into slots |
| `places` | a room with its centre, and who of the staff may do what there |
| `booking`, `terms` | a room is booked, and on which terms |
| `endings`, `deciding`, `lapsing` | cancelled, approved or rejected, used, released, expired |
| `closures` | closed for a time, and what that means for who had booked |
| `keeping`, `parts` | rooms, uses and hours as staff set them |
| `looking`, `free`, `availability`, `utilisation` | what is seen: rooms, what is free, how much is used |
| `bookings`, `telling` | bookings as they are read, and what people are told of theirs |

Overlap is impossible in the database: a slot is a row whose primary key is the room, the part and the quarter. Rows are
locked in one order: the room's, the booking's, slots by part and time, usage by kind and holder; then event, standing,
ledger. Whoever changes bookings shares the room's row (FOR SHARE); whoever closes it, divides it anew or sets its hours
has the row alone, so no booking slips past a closure that is being written.
"""
