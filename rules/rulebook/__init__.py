"""A community's rules of points, as data: the document, its versions, and what it says about an event."""
