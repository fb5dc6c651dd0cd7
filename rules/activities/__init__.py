"""Activities: what is on (`looking`), how staff make and change it, and what keeps it going at night."""
