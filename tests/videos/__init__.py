"""Videos: browsing them, and what their owners do with them."""
