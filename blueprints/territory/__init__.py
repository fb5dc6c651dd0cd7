"""Communities and their service centres."""
