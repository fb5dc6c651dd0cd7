"""Estates, repairs, complaints."""
