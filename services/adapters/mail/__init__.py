"""Mail: what letters say (`letters.py`), and how they leave (`mailer.py`)."""
