"""What CLUTCH keeps: one collection per module, and every query anyone may ask of it."""
