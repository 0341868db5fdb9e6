"""What people say and do among each other: follows, reactions, comments, notifications."""
