"""Residents' rights to what is kept about them (PIPL, chapter IV): to agree and not to, to have a copy, to be erased.

`holdings` says of every table that names residents what a copy shows of it and what an erasure does to it; a test holds it
against the tables, so a new table has to say so too.
"""
