"""Webhooks: telling others what happens to videos, and hearing of it from a processor elsewhere."""
