"""Ways in for files, and how much each person may send."""
