"""Finding videos, and what is stored under which key."""
