"""Tests against the real things: MongoDB, Redis, FFmpeg, Chromium. Nothing of ours is mocked."""
