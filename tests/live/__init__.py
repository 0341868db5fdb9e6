"""Live streams: from a camera to a screen, and what is left of them."""
