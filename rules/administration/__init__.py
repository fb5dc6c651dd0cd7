"""What operators do to a town from outside its daily life: founding it, its staff, ended sign-ins, and the record of it all.

These rules are called by `flask admin`. Who stands at the machine could change every row by hand, so a role protects
nothing there; it is asked all the same, because the record is to name somebody who answers for the deed: an active
administrator of the whole town. A town that has none yet, a new one, is the exception: its first administrator is made by
nobody of its staff.

A deed and its record (`deeds`) are one transaction. A town always keeps one active administrator (`staffing`).
"""
