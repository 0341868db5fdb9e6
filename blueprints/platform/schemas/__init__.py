"""The wire shapes of the platform API, one file per noun."""
