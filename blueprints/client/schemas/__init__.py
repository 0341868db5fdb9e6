"""The wire shapes of the client API, one file per noun."""
