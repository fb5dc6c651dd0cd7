"""My points."""
