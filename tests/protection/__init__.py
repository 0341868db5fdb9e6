"""What stands between a video and who wants to play it."""
