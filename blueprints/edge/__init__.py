"""What all rooms of the edge share."""
