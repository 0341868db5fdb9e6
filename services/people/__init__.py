"""People as others meet them, and what an admin does with them."""
