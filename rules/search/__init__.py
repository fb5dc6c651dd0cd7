"""Finding things by a few characters, over all rooms."""
