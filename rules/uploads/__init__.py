"""Pictures that people send: from the file to what a page shows.

    POST /uploads: the file is looked at and made anew (`pictures`), its row is begun (`receiving`), its files are stored,
    the row is finished and handed to moderation. A room that uses pictures claims them (`attaching`) in the transaction of
    what shows them, and shows them by links that expire (`links`). What nobody claimed within a day is cleaned away.

No file is read or written within a transaction: the storage may be slow. A file's key is in a row before the file is
there, and the row goes after the file, so nothing is left that nobody knows of.
"""
