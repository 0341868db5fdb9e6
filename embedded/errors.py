"""Why the stack does not start or goes on no longer, in words for the person at the terminal."""

from __future__ import annotations


class StartFailed(Exception):
    """The stack cannot start; the message says what to do about it."""


class PortLost(StartFailed):
    """A child died because someone else listens on the port it was given."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class NotReady(Exception):
    """A child does not serve yet; the message says how that shows."""


class StopRequested(Exception):
    """Someone pressed Ctrl-C or sent a signal that ends the stack."""
