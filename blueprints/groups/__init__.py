"""找朋友 at the edge."""
