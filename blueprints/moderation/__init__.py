"""What residents write: reports, appeals, and the queue of staff."""
