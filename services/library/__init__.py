"""All stored media at once: whether it is what MongoDB says, and taking it to another store."""
