"""The servers that `python app.py` starts when none is configured."""
