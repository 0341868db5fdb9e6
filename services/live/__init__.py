"""Live streams: from whoever sends one to whoever watches it, and what is left of it."""
