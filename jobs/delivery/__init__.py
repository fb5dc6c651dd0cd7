"""What is delivered from the outbox, and by whom."""
