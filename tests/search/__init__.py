"""Search, over all rooms."""
