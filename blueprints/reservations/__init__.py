"""Places in sessions."""
