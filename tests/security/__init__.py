"""What an attacker tries, and what comes of it; docs/security.md says which test holds which line."""
