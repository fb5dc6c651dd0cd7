"""What runs without a request, for those who watch over it."""
