"""What CLUTCH does: use-cases, the policies they ask, and the adapters they reach out through."""
