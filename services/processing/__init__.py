"""From an upload to a video that plays."""
