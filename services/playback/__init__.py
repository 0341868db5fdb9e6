"""From two tokens to a URL that plays."""
